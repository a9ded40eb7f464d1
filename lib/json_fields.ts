/** Bounds of a number, both inclusive unless `above` is given. */
export interface Range {
  /** The smallest value. */
  readonly min?: number;
  /** The largest value. */
  readonly max?: number;
  /** The value must be greater than this. */
  readonly above?: number;
}

/** What reads the fields of an object; each is given the name of its field. */
export type Readers<T> = { readonly [Name in keyof T & string]?: (name: Name) => T[Name] };

/**
 * Reads the fields of one JSON object, each with its type and bounds. Whatever is wrong is thrown, as `invalid_manifest` or
 * as the code that was asked for, with the path of the field, its value and what would be right.
 */
export class JsonFields {
  readonly #object: Record<string, unknown>;
  readonly #path: string;
  readonly #where: string;
  readonly #toError: (message: string) => Error;
  readonly #known = new Set<string>();

  /**
   * Begins with one object.
   *
   * @param value What JSON.parse gave.
   * @param where The file, for messages.
   * @param toError Makes the error that is thrown, of a message.
   * @param path How the object is called in messages, e.g. `layers[2]`; empty for the root.
   * @throws What `toError` makes, if it is no object.
   */
  constructor(value: unknown, where: string, toError: (message: string) => Error, path = "") {
    this.#path = path;
    this.#where = where;
    this.#toError = toError;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.#error(path || "the whole", value, "must be an object {…}");
    }
    this.#object = value as Record<string, unknown>;
  }

  /** The value as it is; undefined if the field is not there. */
  raw(name: string): unknown {
    this.#known.add(name);
    return Object.hasOwn(this.#object, name) ? this.#object[name] : undefined;
  }

  /** A field that is an object of its own. */
  object(name: string): JsonFields {
    return new JsonFields(this.raw(name), this.#where, this.#toError, this.#name(name));
  }

  /** A list of `min` to `max` elements. */
  list(name: string, min: number, max: number): unknown[] {
    const value = this.raw(name);
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw this.fail(name, value, `must be a list of ${min === max ? min : `${min} to ${max}`} elements`);
    }
    return value;
  }

  /** A list of objects. */
  objects(name: string, min: number, max: number): JsonFields[] {
    return this.list(name, min, max).map((value, i) =>
      new JsonFields(value, this.#where, this.#toError, `${this.#name(name)}[${i}]`)
    );
  }

  /** A list of finite numbers. */
  numbers(name: string, length: number, range: Range): number[] {
    return this.list(name, length, length).map((value, i) => this.#number(`${name}[${i}]`, value, range));
  }

  /** A list of different texts of at most 200 characters. */
  texts(name: string, min: number, max: number): string[] {
    const seen = new Set<string>();
    return this.list(name, min, max).map((value, i) => {
      const text = this.#text(`${name}[${i}]`, value, 200);
      if (seen.has(text)) throw this.fail(`${name}[${i}]`, text, "must differ from those before it");
      seen.add(text);
      return text;
    });
  }

  /** A text of 1 to `max` characters. */
  text(name: string, max: number): string {
    return this.#text(name, this.raw(name), max);
  }

  /** A text of a certain form, which `rule` describes: "must be …". */
  pattern(name: string, form: RegExp, rule: string): string {
    const value = this.raw(name);
    if (typeof value !== "string" || !form.test(value)) throw this.fail(name, value, `must be ${rule}`);
    return value;
  }

  /** One of a few texts or numbers. */
  oneOf<T extends string | number>(name: string, choices: readonly T[]): T {
    const value = this.raw(name) as T;
    if (!choices.includes(value)) {
      throw this.fail(name, value, `must be ${choices.map((choice) => JSON.stringify(choice)).join(" or ")}`);
    }
    return value;
  }

  /** true or false. */
  boolean(name: string): boolean {
    const value = this.raw(name);
    if (typeof value !== "boolean") throw this.fail(name, value, "must be true or false");
    return value;
  }

  /** A finite number. */
  number(name: string, range: Range): number {
    return this.#number(name, this.raw(name), range);
  }

  /** A whole number. */
  integer(name: string, min: number, max: number): number {
    const value = this.raw(name);
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw this.fail(name, value, `must be a whole number from ${min} to ${max}`);
    }
    return value as number;
  }

  /** A list of whole numbers; how many, and from where to where, both inclusive. */
  integers(
    name: string,
    [fewest, most]: readonly [number, number],
    [min, max]: readonly [number, number],
  ): number[] {
    return this.list(name, fewest, most).map((value, i) => {
      if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
        return value as number;
      }
      throw this.fail(`${name}[${i}]`, value, `must be a whole number from ${min} to ${max}`);
    });
  }

  /** A whole number for height and width together, or a list of both. */
  extent(name: string, min: number, max: number): number | [height: number, width: number] {
    if (!Array.isArray(this.raw(name))) return this.integer(name, min, max);
    const [height, width] = this.integers(name, [2, 2], [min, max]);
    return [height!, width!];
  }

  /**
   * Another object with the fields of this one in place of its own. Fields without a reader are refused.
   *
   * @param base The other object.
   * @param readers Read the fields that may be there.
   */
  changed<T extends object>(base: T, readers: Readers<T>): T {
    const changed = { ...base };
    for (const name of Object.keys(readers) as (keyof T & string)[]) {
      if (this.has(name)) changed[name] = readers[name]!(name);
    }
    this.refuseOthers();
    return changed;
  }

  /** Whether the field is there. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /**
   * Refuses fields that nobody asked for: they are most often misspelt ones.
   *
   * @throws What `toError` makes, for the first of them.
   */
  refuseOthers(): void {
    for (const name of Object.keys(this.#object)) {
      if (this.#known.has(name)) continue;
      throw this.fail(
        name,
        this.#object[name],
        `is not a known field; known are ${[...this.#known].join(", ")}`,
      );
    }
  }

  /** The error for a field of this object. */
  fail(name: string, value: unknown, rule: string): Error {
    return this.#error(this.#name(name), value, rule);
  }

  #text(name: string, value: unknown, max: number): string {
    if (typeof value !== "string" || value.trim() === "" || value.length > max) {
      throw this.fail(name, value, `must be a text of 1 to ${max} characters`);
    }
    return value;
  }

  #number(
    name: string,
    value: unknown,
    { min = -Infinity, max = Infinity, above = -Infinity }: Range,
  ): number {
    const ok = typeof value === "number" && Number.isFinite(value) && value >= min && value <= max &&
      value > above;
    if (!ok) throw this.fail(name, value, `must be a number${describe({ min, max, above })}`);
    return value;
  }

  #name(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  #error(name: string, value: unknown, rule: string): Error {
    const shown = value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
    return this.#toError(`${this.#where}: ${name} ${rule}; it is ${shown}`);
  }
}

function describe({ min, max, above }: Required<Range>): string {
  if (above !== -Infinity) {
    return max === Infinity ? ` greater than ${above}` : ` greater than ${above}, up to ${max}`;
  }
  if (min !== -Infinity && max !== Infinity) return ` from ${min} to ${max}`;
  return "";
}
