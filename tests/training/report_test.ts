import { html, parse } from "npm:parse5@8.1.1";
import type { DefaultTreeAdapterTypes } from "npm:parse5@8.1.1";
import { SaxesParser } from "npm:saxes@6.0.0";
import { ModelError } from "../../models/errors.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { pickMistakes, writeReport } from "../../training/report/report.ts";
import type { ReportContent, ReportEvaluation } from "../../training/report/report.ts";
import type { EpochRecord } from "../../training/fitting/trained_model.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../testing/assert.ts";

type Element = DefaultTreeAdapterTypes.Element;
type Node = DefaultTreeAdapterTypes.Node;

const BARE: ReportContent = {
  title: "weather: report of the training",
  model: { name: "weather", version: "1.2.0" },
  description: "Recognises the weather",
  created: new Date("2026-01-31T12:30:00Z"),
};

/** Deterministic logits: each class is predicted correctly four times of five, else as the next one. */
function evaluation(classes: readonly string[], changes: Partial<ReportEvaluation> = {}): ReportEvaluation {
  const images = 5 * classes.length;
  const logits = new Float32Array(images * classes.length);
  const labels = Uint8Array.from({ length: images }, (_, i) => i % classes.length);
  labels.forEach((label, i) => {
    const predicted = i < classes.length ? (label + 1) % classes.length : label;
    logits[i * classes.length + predicted] = 4 + i / images;
  });
  return { data: "weather test", classes, labels, logits, temperature: 2, ...changes };
}

function epochs(count: number): EpochRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    epoch: i + 1,
    trainLoss: 1 / (i + 1),
    trainAccuracy: 1 - 0.3 / (i + 1),
    validationLoss: 0.2 + Math.abs(i - 3) / 10,
    validationAccuracy: 0.9 - 0.3 / (i + 1),
    learningRate: 0.01,
    imagesPerSecond: 900 + i,
  }));
}

function full(): ReportContent {
  const measured = evaluation(["sun", "rain", "snow"]);
  const png = encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(9) });
  return {
    ...BARE,
    facts: {
      data: "weather train",
      parameters: 12_345,
      trainingSeconds: 5400,
      seeds: [7],
    },
    curves: [{ name: "seed 1", epochs: epochs(8) }, { name: "seed 2", epochs: epochs(7) }],
    evaluations: [measured, { ...measured, data: "weather test, lossless" }],
    mistakes: pickMistakes(measured, () => png),
    folds: { name: "weather, 5 folds", accuracies: [0.8, 0.82, 0.81, 0.85, 0.79], reference: 0.8 },
  };
}

/** The document as a browser parses it; what a browser would repair is an error. */
function read(text: string): Element[] {
  const errors: string[] = [];
  const document = parse(text, {
    onParseError: ({ code, startLine }) => errors.push(`${code} in line ${startLine}`),
  });
  const xml = new SaxesParser({ xmlns: true });
  xml.on("error", (error) => errors.push(error.message));
  xml.write(text).close();
  assertEquals(errors, []);
  return [...elements(document)];
}

function* elements(node: Node): Generator<Element> {
  if ("tagName" in node) yield node;
  for (const child of "childNodes" in node ? node.childNodes : []) yield* elements(child);
}

function attribute({ attrs }: Element, name: string): string | undefined {
  return attrs.find((attr) => attr.name === name)?.value;
}

function textOf(node: Node): string {
  if ("value" in node) return node.value;
  return "childNodes" in node ? node.childNodes.map(textOf).join("") : "";
}

function named(all: readonly Element[], ...names: string[]): Element[] {
  return all.filter(({ tagName }) => names.includes(tagName));
}

function ids(all: readonly Element[]): string[] {
  return named(all, "section").map((section) => attribute(section, "id")!);
}

/** The text with plain spaces. */
function words(all: readonly Element[]): string {
  return textOf(named(all, "body")[0]!).replaceAll(/[\u00a0\n]/g, " ").replaceAll("\u2060", "");
}

Deno.test("report: a complete one is well-formed HTML and XML, with its sections in order", () => {
  const all = read(writeReport(full()));
  assertEquals(ids(all), ["facts", "curves", "evaluation-1", "evaluation-2", "mistakes", "folds"]);
  assertEquals(textOf(named(all, "h1")[0]!), "weather: report of the training");
  assertStringIncludes(words(all), "weather 1.2.0, created 2026-01-31 12:30 UTC");
});

Deno.test("report: missing parts have no section", () => {
  const { facts, curves, evaluations, mistakes, folds } = full();
  const parts: [Partial<ReportContent>, string[]][] = [
    [{}, []],
    [{ facts: facts! }, ["facts"]],
    [{ curves: curves! }, ["curves"]],
    [{ evaluations: evaluations! }, ["facts", "evaluation-1", "evaluation-2"]],
    [{ mistakes: mistakes! }, ["mistakes"]],
    [{ folds: folds! }, ["facts", "folds"]],
    [{ curves: [], evaluations: [], mistakes: [] }, []],
    [{ curves: [{ name: "interrupted at once", epochs: [] }] }, []],
  ];
  for (const [part, sections] of parts) {
    const all = read(writeReport({ ...BARE, ...part }));
    assertEquals(ids(all), sections);
    const linked = named(all, "a").map((link) => attribute(link, "href")!);
    const chapters = sections.filter((id) => id !== "facts").map((id) => `#${id}`);
    assertEquals(linked, chapters.length > 1 ? chapters : []);
  }
});

Deno.test("report: there are no scripts and no external resources", () => {
  const text = writeReport(full());
  const all = read(text);
  assertEquals(named(all, "script", "link", "iframe", "object", "embed", "base", "form", "use").length, 0);
  for (const element of all) {
    for (const { name, value } of element.attrs) {
      assert(!name.startsWith("on"), `${name} on ${element.tagName}`);
      if (["src", "href", "srcset", "poster", "action", "data"].includes(name)) {
        assert(/^(#|data:image\/png;base64,)/.test(value), `${element.tagName} ${name}=${value}`);
      }
    }
  }
  assert(!/url\(|@import|@font-face/i.test(text), "the style sheet loads a resource");
});

Deno.test("report: every text is escaped", () => {
  const evil = `<script>alert("1")</script>&amp;'\u0000\u0008\ud800</style></title>`;
  const seen = `<script>alert("1")</script>&amp;'\ufffd\ufffd\ufffd</style></title>`;
  const measured = evaluation([evil, "b", "c"], { data: evil });
  const all = read(writeReport({
    title: evil,
    model: { name: evil, version: evil },
    description: evil,
    created: BARE.created,
    facts: {
      data: evil,
      cost: { conditions: evil, millisecondsPerImage: 1 },
    },
    curves: [{ name: evil, epochs: epochs(2) }, { name: evil, epochs: epochs(2) }],
    evaluations: [measured],
    mistakes: pickMistakes(measured, () => new Uint8Array(1)),
    folds: { name: evil, accuracies: [0.5], reference: 0.6 },
  }));
  assertEquals(named(all, "script").length, 0);
  assertEquals(textOf(named(all, "title").find(({ namespaceURI }) => namespaceURI === html.NS.HTML)!), seen);
  assert(words(all).split(seen).length > 15, "some texts are missing");
  assert(named(all, "img").some((image) => attribute(image, "alt")!.includes(seen)));
});

Deno.test("report: pictures have descriptions, figures have captions, tables have captions and headings", () => {
  const all = read(writeReport(full()));
  const pictures = named(all, "svg");
  assertEquals(pictures.length, 4 + 2 * 5 + 1);
  for (const picture of pictures) {
    assertEquals(attribute(picture, "role"), "img");
    assert(attribute(picture, "aria-label")!.length > 10);
  }
  for (const figure of named(all, "figure")) {
    assertEquals(named([...elements(figure)], "figcaption").length, 1);
  }
  for (const table of named(all, "table")) {
    const inside = [...elements(table)];
    assert(textOf(named(inside, "caption")[0]!).length > 10);
    for (const cell of named(inside, "th")) assert(attribute(cell, "scope") !== undefined, textOf(cell));
  }
});

Deno.test("report: no coordinate is NaN or infinite, for any curves and folds", () => {
  const [first, second] = epochs(2) as [EpochRecord, EpochRecord];
  const { validationLoss: _, ...unvalidated } = first;
  const diverged = [unvalidated, { ...second, trainLoss: NaN }];
  const contents: ReportContent[] = [
    full(),
    { ...BARE, curves: [{ name: "diverged", epochs: diverged }], folds: { name: "one", accuracies: [1] } },
    {
      ...BARE,
      curves: [{ name: "short", epochs: epochs(1) }],
      folds: { name: "same", accuracies: [0.5, 0.5], reference: 0.5 },
    },
  ];
  for (const content of contents) {
    for (const element of read(writeReport(content))) {
      for (const { name, value } of element.attrs) {
        assert(!/NaN|Infinity|undefined/.test(value), `${name}=${value}`);
      }
    }
  }
});

Deno.test("report: captions contain the numbers", () => {
  const text = words(read(writeReport(full())));
  for (
    const sentence of [
      "12 of 15 images are classified correctly: the accuracy is 80.00 %",
      "The validation loss is lowest in epoch 4 (0.2)",
      "classified as rain, 1 time, which is 20.0 % of all sun.",
      "After scaling by T = 2 the expected calibration error",
      "The mean of 5 runs is 81.40 %",
      "1.40 points above the published 80.00 %",
      "12,345",
      "90 min",
    ]
  ) assertStringIncludes(text, sentence);
});

Deno.test("report: calibration is shown before and after scaling, or once without scaling", () => {
  const headings = (temperature: number) =>
    named(read(writeReport({ ...BARE, evaluations: [evaluation(["a", "b"], { temperature })] })), "h3").map(
      textOf,
    );
  assert(
    headings(1.32).includes("Before scaling (T = 1)") && headings(1.32).includes("After scaling (T = 1.32)"),
  );
  assertEquals(headings(1).filter((heading) => heading.includes("scaling")), []);
});

Deno.test("report: the confusion matrix has numbers up to 100 classes, a picture up to 200, then only a table", () => {
  const drawn = (classes: number) => {
    const labels = Array.from({ length: classes }, (_, i) => `class ${i}`);
    const all = read(writeReport({ ...BARE, evaluations: [evaluation(labels)] }));
    const svg = named(all, "svg").find((svg) => attribute(svg, "aria-label")!.startsWith("Confusion"));
    const matrix = svg !== undefined;
    const numbers =
      named(matrix ? [...elements(svg)] : [], "text").filter((text) => /^\d+$/.test(textOf(text))).length;
    const rows = named(all, "tr").filter((row) => textOf(row).startsWith("class ")).length;
    return { matrix, numbers, hasTable: rows > 0, isBounded: rows <= 100 + 10 };
  };
  assertEquals(drawn(100), { matrix: true, numbers: 200, hasTable: true, isBounded: true });
  assertEquals(drawn(101), { matrix: true, numbers: 0, hasTable: true, isBounded: true });
  assertEquals(drawn(200), { matrix: true, numbers: 0, hasTable: true, isBounded: true });
  assertEquals(drawn(201), { matrix: false, numbers: 0, hasTable: true, isBounded: true });
});

Deno.test("report: a class that does not occur has dashes, not NaN", () => {
  const measured = evaluation(["sun", "rain"]);
  const logits = Float32Array.from(
    { length: 30 },
    (_, i) => i % 3 === 2 ? -9 : measured.logits[i - Math.floor(i / 3)]!,
  );
  const all = read(
    writeReport({ ...BARE, evaluations: [{ ...measured, classes: ["sun", "rain", "never"], logits }] }),
  );
  const row = named(all, "tr").find((element) => textOf(element).startsWith("never"))!;
  assertEquals(named([...elements(row)], "td").map(textOf), ["0", "–", "–", "–"]);
  assert(!words(all).includes("NaN"));
});

Deno.test("report: a single run has no interval, and no faint lines", () => {
  const all = read(writeReport({
    ...BARE,
    curves: [{ name: "only", epochs: epochs(3) }],
    folds: { name: "once", accuracies: [0.5] },
  }));
  assertStringIncludes(words(all), "95 % interval –");
  assert(!all.some((element) => attribute(element, "class")?.includes("faint")));
});

Deno.test("report: only the most confident mistakes are encoded, in descending order", () => {
  const encoded: number[] = [];
  const mistakes = pickMistakes(evaluation(["sun", "rain", "snow"]), (index) => {
    encoded.push(index);
    return Uint8Array.of(index);
  }, 2);
  assertEquals(encoded, [2, 1]);
  assertEquals(mistakes.map(({ index, label, predicted }) => [index, label, predicted]), [
    [2, "snow", "sun"],
    [1, "rain", "snow"],
  ]);
  const odds = Math.exp((4 + 2 / 15) / 2);
  assert(Math.abs(mistakes[0]!.confidence - odds / (odds + 2)) < 1e-6);
});

Deno.test("report: images of mistakes are embedded", () => {
  const png = encodePng({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 255) });
  const measured = evaluation(["sun", "rain"]);
  const images = named(read(writeReport({ ...BARE, mistakes: pickMistakes(measured, () => png) })), "img");
  assertEquals(images.length, 2);
  const [, base64] = attribute(images[0]!, "src")!.split(",");
  assertEquals(Uint8Array.fromBase64(base64!), new Uint8Array(png));
});

Deno.test("report: logits and labels that do not fit together are refused", () => {
  const measured = evaluation(["sun", "rain"]);
  const wrong: Partial<ReportEvaluation>[] = [
    { labels: Uint8Array.of(1) },
    { temperature: 0 },
    { classes: ["sun"] },
  ];
  for (const change of wrong) {
    assertThrows(() => writeReport({ ...BARE, evaluations: [{ ...measured, ...change }] }), ModelError);
  }
  assertThrows(() => writeReport({ ...BARE, folds: { name: "none", accuracies: [] } }), ModelError);
});
