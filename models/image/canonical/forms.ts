import { digit } from "./digit.ts";
import type { Form } from "./form.ts";
import { garment } from "./garment.ts";
import { photo } from "./photo.ts";

/** What `input.form` of a manifest can be. */
export type FormName = "digit" | "garment" | "photo";

/** The procedures a manifest can name. A new one is a file like digit.ts and a word in both places. */
export const FORMS: Readonly<Record<FormName, Form>> = { digit, garment, photo };

/** All of them. */
export const FORM_NAMES = Object.keys(FORMS) as readonly FormName[];
