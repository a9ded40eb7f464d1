/**
 * Which versions of a model are served: `serving.json` in the folder of the model. A version that appears in a
 * folder is not served until this file names it.
 *
 * @module
 */
import { defined } from "../lib/defined.ts";
import { JsonFields } from "../lib/json_fields.ts";
import { fieldError } from "./errors.ts";
import { writeWholeFile } from "./model_folder.ts";
import { parseJson } from "./parse_json.ts";
import { readIfExists, showUrl } from "./read_url.ts";

/** A version that gets a share of the images. */
export interface CanarySpec {
  /** Which version. */
  readonly version: string;
  /** Its share of the images in percent: more than 0, up to 100. */
  readonly percent: number;
}

/** Content of `serving.json`. */
export interface Serving {
  /** Version of the file format: 1. */
  readonly format: 1;
  /** The version that is served. */
  readonly serve: string;
  /** The version that was served before. */
  readonly previous?: string;
  /** The version that gets a share of the images. */
  readonly canary?: CanarySpec;
  /** The version that gets a copy of the images; its results are compared only. */
  readonly shadow?: string;
}

const FILE = "serving.json";
const MAX_BYTES = 65_536;
const MAX_VERSION = 50;

/**
 * Reads the first `serving.json` of several folders of one model.
 *
 * @param folders In the order of precedence.
 * @returns undefined if there is none.
 * @throws {ModelError} `invalid_manifest`, `denied`, `damaged`.
 */
export async function readServing(folders: readonly URL[]): Promise<Serving | undefined> {
  for (const folder of folders) {
    const url = new URL(FILE, folder);
    const bytes = await readIfExists(url, MAX_BYTES);
    if (bytes === undefined) continue;
    return parseServing(parseJson(bytes, showUrl(url), "invalid_manifest"), showUrl(url));
  }
  return undefined;
}

/**
 * Writes `serving.json` completely or not at all: it may be read at any moment.
 *
 * @param folder Of the model.
 * @param serving Its content.
 * @throws {ModelError} `denied`, `not_found`, `unavailable`.
 */
export async function writeServing(folder: URL, serving: Serving): Promise<void> {
  const text = JSON.stringify(serving, null, 2) + "\n";
  await writeWholeFile(new URL(FILE, folder), new TextEncoder().encode(text), true);
}

function parseServing(json: unknown, where: string): Serving {
  const fields = new JsonFields(json, where, fieldError("invalid_manifest"));
  const serving: Serving = {
    format: fields.oneOf("format", [1]),
    serve: fields.text("serve", MAX_VERSION),
    ...defined({
      previous: fields.has("previous") ? fields.text("previous", MAX_VERSION) : undefined,
      canary: fields.has("canary") ? parseCanary(fields.object("canary")) : undefined,
      shadow: fields.has("shadow") ? fields.text("shadow", MAX_VERSION) : undefined,
    }),
  };
  fields.refuseOthers();
  return serving;
}

function parseCanary(fields: JsonFields): CanarySpec {
  const canary = {
    version: fields.text("version", MAX_VERSION),
    percent: fields.number("percent", { above: 0, max: 100 }),
  };
  fields.refuseOthers();
  return canary;
}
