import { assert, assertEquals } from "../testing/assert.ts";

const ROOT = new URL("../", import.meta.url);
const SCOPE =
  /^(?!tests\/words_test\.ts)(?:(?:lib|bus|actors|models|training|convert|cli|testing|tools|bench|tests)\/.*\.ts|mod\.ts|cli\.ts|README\.md|CONTRIBUTING\.md|docs\/[^/]*\.md|models\/[^/]*\/card\.md)$/;

/** What is avoided, and what is written instead. A space in a pattern also matches the break of a comment's line. */
const WORDS: readonly (readonly [avoided: RegExp, instead: string])[] = [
  [
    /\b[Oo]ne (row|line|[Ww]orker|result|folder|entry|object|number|transaction|statement|partition|outcome|pixel|case|batch|producer) an? (?!time\b)\w+/g,
    "one … per …",
  ],
  [
    /(?<!\b[Oo]ne )\b([Rr]ow an id|[Ll]ine an? (id|result|topic)|[Ll]ag a partition|[Tt]ime an image|[Ww]orkers a model)\b/g,
    "… per …",
  ],
  [
    /\b([Ii]mages|[Mm]essages|[Bb]ytes|[Ss]amples|[Rr]equests|[Nn]umbers) a (second|minute|row|pixel|request|batch|message)\b/g,
    "… per …",
  ],
  [/\b(is|are|was|were) away\b/gi, "is unavailable"],
  [/\bworked off\b/gi, "processed"],
  [/\bcan't be made\b/gi, "cannot create …"],
  // In a message: a string on a line that is no comment.
  [/\bcan't be(?<=\n(?!\s*(?:\*|\/)).*["\x60].*) (?!made)\w+/g, "Cannot <action>: <what is wrong>"],
  [/\b[Cc]an't "/g, "Unknown sub-command …"],
  [/\bsigns? of life\b/gi, "heartbeat"],
  [/\bsilent ones\b|giveUpSilent/gi, "expired members"],
  [/\bmend(s|ed|ing)?\b/gi, "fix, recover; retriable"],
  [/\b(tried|trying) again\b/gi, "retried, retrying"],
  [/\btakeOff\b|\blanded\b/g, "admit, release"],
  [/(?<!["'`])\b(wear|worn|Wear|Wearer|wearDataSet)\b(?!["'`])/g, "degrade, degraded"],
  [/(?<!negative )\bthe control\b(?! (plane|character|of|over))/gi, "the negative control"],
  [
    /\b[Rr]ight on (\*\*|test|validation|the (test|validation)|[A-Z])|\bright answers?\b/g,
    "accuracy, correct",
  ],
  [/\blearn(t|s)? from\b/gi, "training images"],
  [/\b(replaced system|system that came before)\b|\bthe seed's\b|\bseed_format\b/gi, "legacy"],
  [/(?<!ui\/)\bpictures?\b(?!\.(ts|png))/gi, "image (a picture is what a terminal or page draws)"],
  [
    /(?<!there )\bis no (whole|valid|URL|host|port|number|name|model|address|topic|integer|PNG|JPEG|image|date|time|dead letter|result|request)\b/gi,
    "is not a …; Invalid …: expected …",
  ],
  [/\b(least|most|first)Ms\b|\b(LEAST|MOST)_[A-Z]\w+/g, "minMs, maxMs, initialMs; MIN_…, MAX_…"],
  [
    /(?<!at )\b(most|least) (bytes|images|Workers|messages|milliseconds)\b|\bthe (most|least) that\b/gi,
    "maximum, minimum",
  ],
  [/\b(tells?|told|telling)\b/gi, "report, notify, log, indicate"],
  [/\b(says?|said|saying)\b/gi, "report, log, reply, state, contain"],
  [/\bonce more ends\b/gi, "Press Ctrl-C again to exit immediately"],
  [/\bno further Workers? for now\b/gi, "could not scale up"],
  [/\bbounds and times\b/gi, "limits and timeouts"],
  [/\bfor people\b/gi, "human-readable"],
  [
    /(?<![.\w])(endingOf|whole|stranger|unless)\(|(?<![.\w])turn\(\)/g,
    "exitFor, extensionOf, integer, unknownModel, abortable, yieldToEventLoop",
  ],
  [
    /\bmakes? (a |an |the |its |one )?(topics?|tables?|files?|folder|directory|schema|database)\b(?! larger)/gi,
    "create",
  ],
  [
    /\b(files?|folder|director(y|ies)|topics?|tables?|schema|database) (is|are|was|were|be|has been) (not )?made\b(?! of)/gi,
    "is created",
  ],
];

/** Where pictures are drawn, or are a name inside a kernel. */
const DRAWS =
  /^(cli\/ui\/picture\.ts|cli\/commands\/(demo\.ts|dead_letters\/|inspect\/)|training\/report\/|models\/kernels\/|tests\/training\/report)/;

/** SQL of migration steps that databases have run: it never changes. And the test of the old names. */
const EXEMPT =
  /^(actors\/sinks\/postgres\/schema\.ts|tests\/training\/training_test\.ts):\d+: "(say|told|wear)"/;

/** A space in a pattern: also the end of a line of a comment. */
const GAP = String.raw`(?:[ \t]+|[ \t]*\n[ \t]*(?:\*|//)?[ \t]*)`;

/** Each use of an avoided word in a text: `path:12: "told" → report, notify`. */
function usesIn(path: string, text: string): string[] {
  return WORDS.filter(([{ source }]) => !(source.includes("picture") && DRAWS.test(path)))
    .flatMap(([{ source, flags }, instead]) =>
      [...text.matchAll(new RegExp(source.replaceAll(" ", GAP), flags))].map(({ 0: word, index }) => {
        const line = text.slice(0, index).split("\n").length;
        return `${path}:${line}: "${word.replaceAll(/\s+/g, " ")}" → ${instead}`;
      })
    ).filter((use) => !EXEMPT.test(use));
}

/** The room of a use: `bus`, `tests/bus`, `docs`. */
function roomOf(use: string): string {
  return /^(tests\/\w+|\w+)(?=\/)/.exec(use)?.[0] ?? use.split(":")[0]!;
}

async function* files(directory = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(directory || ".", ROOT))) {
    if (name.startsWith(".")) continue;
    if (isDirectory) yield* files(`${directory}${name}/`);
    else if (SCOPE.test(directory + name)) yield directory + name;
  }
}

Deno.test("words: names, comments, messages and docs use the field's standard terms", async () => {
  const uses: string[] = [];
  for await (const path of files()) uses.push(...usesIn(path, await Deno.readTextFile(new URL(path, ROOT))));
  const rooms = Object.entries(Object.groupBy(uses, roomOf)).map(([room, list]) =>
    `${room}: ${list!.length}`
  );
  assert(
    uses.length === 0,
    [...uses.sort(), "", `${uses.length} words to replace`, ...rooms.sort()].join("\n"),
  );
});

Deno.test("words: a use is found across lines of a comment, and reported with its replacement", () => {
  const text = "/**\n * Prints one row\n * an id.\n */\nconst worn = 1;\n";
  assertEquals(usesIn("lib/a.ts", text), [
    'lib/a.ts:2: "one row * an id" → one … per …',
    'lib/a.ts:5: "worn" → degrade, degraded',
  ]);
  assertEquals(
    usesIn("lib/a.ts", "negative control, an image per id, turned(x), at most bytes, there is no image"),
    [],
  );
});
