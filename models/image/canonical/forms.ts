import { digit } from "./digit.ts";
import type { Form } from "./form.ts";
import { garment } from "./garment.ts";
import { photo } from "./photo.ts";

/** The procedures a manifest can name. A new one is a file like digit.ts and a word here. */
export const FORMS = { digit, garment, photo } satisfies Record<string, Form>;

/** What `input.form` of a manifest can be. */
export type FormName = keyof typeof FORMS;

/** All of them. */
export const FORM_NAMES = Object.keys(FORMS) as readonly FormName[];
