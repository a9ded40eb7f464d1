import { fromEntries, toText } from "../../../bus/transport/text.ts";
import { assertEquals } from "../../../testing/assert.ts";

Deno.test("text: short texts are decoded right, however many came before, and again", () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `${i} é`.slice(0, i % 7 === 0 ? 0 : undefined));
  for (const text of [...texts, ...texts.slice(0, 5_000)]) {
    assertEquals(toText(new TextEncoder().encode(text)), text);
  }
});

Deno.test("text: a decoded text does not change when its bytes are overwritten", () => {
  const bytes = new TextEncoder().encode("ce_type");
  assertEquals(toText(bytes), "ce_type");
  bytes.fill(0x78);
  assertEquals(toText(bytes), "xxxxxxx");
  assertEquals(toText(new TextEncoder().encode("ce_type")), "ce_type");
});

Deno.test("text: bytes that are not UTF-8 stay bytes", () => {
  for (const length of [2, 40]) {
    const bytes = new Uint8Array(length).fill(0xff);
    assertEquals(toText(bytes), bytes);
    assertEquals(toText(bytes), bytes);
  }
});

Deno.test("text: headers keep a list where a name is repeated or a value is null, and every name is a header", () => {
  assertEquals(fromEntries([["a", "1"], ["b", "2"]]), { headers: { a: "1", b: "2" } });
  const repeated = [["a", "1"], ["a", "2"]] as const;
  assertEquals(fromEntries(repeated), { headers: { a: "2" }, headerList: repeated });
  const empty = [["a", null]] as const;
  assertEquals(fromEntries(empty), { headers: { a: "" }, headerList: empty });
  const { headers } = fromEntries([["__proto__", "1"], ["toString", "2"]]);
  assertEquals(Object.entries(headers), [["__proto__", "1"], ["toString", "2"]]);
  assertEquals(Object.getPrototypeOf(headers), Object.prototype);
});
