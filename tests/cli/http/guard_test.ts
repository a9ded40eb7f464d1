import { connect, createServer } from "node:net";
import { parseArguments } from "../../../cli/arguments.ts";
import { UsageError } from "../../../cli/command.ts";
import { worker } from "../../../cli/commands/worker/worker.ts";
import { refusalOf } from "../../../cli/http/guard.ts";
import { type HttpSettings, httpSettings } from "../../../cli/http/options.ts";
import { listen } from "../../../cli/http/server.ts";
import { assertEquals, assertThrows } from "../../../testing/assert.ts";

const TOKEN = "a-token-of-some-length";
const LOCAL: HttpSettings = {
  hostname: "127.0.0.1",
  port: 9464,
  token: undefined,
  actions: true,
  images: true,
};
const REMOTE: HttpSettings = { ...LOCAL, hostname: "0.0.0.0", token: TOKEN };
const OWN = { "x-imagebus": "1", "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:9464" };

/** The status of the refusal; 0 when there is none. */
function status(
  settings: HttpSettings,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): number {
  const init = { method, headers: { host: "127.0.0.1:9464", ...headers } };
  const request = new Request(`http://127.0.0.1:9464${path}`, init);
  return refusalOf(request, settings)?.status ?? 0;
}

Deno.test("http guard: on loopback a foreign host is refused, also for health and metrics", () => {
  for (const host of ["127.0.0.1:9464", "localhost", "LOCALHOST:9464", "[::1]:9464", "127.1.2.3"]) {
    assertEquals(status(LOCAL, "GET", "/metrics", { host }), 0, host);
  }
  for (const host of ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "localhost.evil", ""]) {
    assertEquals(status(LOCAL, "GET", "/metrics", { host }), 421, host);
    assertEquals(status(LOCAL, "GET", "/", { host }), 421, host);
  }
});

Deno.test("http guard: with a token, only health and metrics are read without it", () => {
  const host = "worker-7.example:9464";
  for (const path of ["/livez", "/readyz", "/metrics"]) {
    assertEquals(status(REMOTE, "GET", path, { host }), 0);
  }
  const wrong = [
    {},
    { authorization: "Bearer wrong" },
    { authorization: TOKEN },
    { authorization: "Basic !!!" },
    { authorization: `Basic ${btoa(`${TOKEN}:`)}` },
  ];
  for (const path of ["/", "/status.json", "/api/events", "/metrics/", "/nothing"]) {
    for (const headers of wrong) assertEquals(status(REMOTE, "GET", path, { host, ...headers }), 401, path);
  }
  for (const authorization of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `Basic ${btoa(`any:${TOKEN}`)}`]) {
    assertEquals(status(REMOTE, "GET", "/status.json", { host, authorization }), 0, authorization);
  }
  assertEquals(status({ ...LOCAL, token: TOKEN }, "GET", "/"), 401);
});

Deno.test("http guard: a change needs --http-actions, the header of the page, and no other site", () => {
  assertEquals(status(LOCAL, "POST", "/api/replay", OWN), 0);
  assertEquals(status(LOCAL, "POST", "/api/replay", { "x-imagebus": "1" }), 0);
  // What a reverse proxy sends, as docs/observability.md has it.
  assertEquals(
    status(LOCAL, "POST", "/api/replay", { ...OWN, host: "localhost", origin: "http://localhost" }),
    0,
  );
  const refused: Record<string, string>[] = [
    { ...OWN, host: "localhost", origin: "https://imagebus.example" },
    { ...OWN, "x-imagebus": "", "sec-fetch-site": "cross-site" },
    { ...OWN, "sec-fetch-site": "same-site" },
    { ...OWN, origin: "http://evil.example" },
    { ...OWN, origin: "http://127.0.0.1:8080" },
    { ...OWN, origin: "null" },
    { "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:9464" },
  ];
  for (const headers of refused) assertEquals(status(LOCAL, "POST", "/api/replay", headers), 403);
  assertEquals(status({ ...LOCAL, actions: false }, "POST", "/api/replay", OWN), 403);
  assertEquals(status(REMOTE, "POST", "/api/replay", OWN), 401);
  for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH"]) assertEquals(status(LOCAL, method, "/"), 405);
});

function settingsOf(...argv: string[]): HttpSettings | null {
  return httpSettings(parseArguments(worker, argv));
}

Deno.test("http options: off by default; without a value on loopback, in any place of the command line", () => {
  assertEquals(settingsOf(), null);
  for (const argv of [["--http"], ["--http", "--quiet"], ["--quiet", "--http"], ["--http=127.0.0.1:9464"]]) {
    assertEquals(settingsOf(...argv)?.port, 9464);
    assertEquals(settingsOf(...argv)?.hostname, "127.0.0.1");
  }
  assertEquals(settingsOf("--http", "localhost:8080", "--quiet")?.port, 8080);
});

Deno.test("http options: beyond loopback a token is required, and one that can be guessed is refused", async () => {
  assertThrows(() => settingsOf("--http", "0.0.0.0:9464"), UsageError, "set --http-token FILE");
  assertThrows(() => settingsOf("--http", "0.0.0.0:99999"), UsageError, "expected a host and a port");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, `${TOKEN}\n`);
  assertEquals(settingsOf("--http", "0.0.0.0:9464", "--http-token", file)?.token, TOKEN);
  await Deno.writeTextFile(file, "short");
  assertThrows(() => settingsOf("--http", "--http-token", file), UsageError, "has 5 characters");
  await Deno.writeTextFile(file, "two words of a token");
  assertThrows(() => settingsOf("--http", "--http-token", file), UsageError, "expected one word");
  await Deno.remove(file);
});

Deno.test("http server: an address in use is a mistake of the user", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  assertThrows(() => listen({ ...LOCAL, port }, {}), UsageError, "another program listens there");
  await new Promise((resolve) => other.close(resolve));
});

Deno.test("http server: it ends at once while a stream of events is open", async () => {
  const open = () =>
    new Response(new ReadableStream({ start: (control) => control.enqueue(new Uint8Array(9)) }));
  const server = listen({ ...LOCAL, port: 0 }, { "GET /events": open });
  const response = await fetch(`${server.url}/events`);
  const reader = response.body!.getReader();
  await reader.read();
  const begun = performance.now();
  await server[Symbol.asyncDispose]();
  assertEquals(performance.now() - begun < 2_000, true);
  await reader.read().catch(() => {});
});

Deno.test("http server: unknown paths, properties of objects among them, are 404; errors are one line", async () => {
  await using server = listen({ ...LOCAL, port: 0 }, {
    "GET /broken": () => Promise.reject(new Error("why it failed")),
  });
  for (const path of ["/", "/constructor", "/__proto__", "/broken/x"]) {
    const response = await fetch(server.url + path);
    assertEquals([response.status, response.headers.get("x-content-type-options")], [404, "nosniff"]);
    await response.body?.cancel();
  }
  const response = await fetch(`${server.url}/broken`);
  assertEquals([response.status, await response.text()], [500, "why it failed\n"]);
  const headers = ["x-content-type-options", "cache-control", "content-type"];
  assertEquals(headers.map((name) => response.headers.get(name)), [
    "nosniff",
    "no-store",
    "text/plain; charset=utf-8",
  ]);
});

Deno.test("http server: a method that is not allowed is answered with those that are", async () => {
  await using server = listen({ ...LOCAL, port: 0 }, {});
  const response = await fetch(server.url, { method: "PUT" });
  await response.body?.cancel();
  assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD, POST"]);
});

Deno.test("http server: a foreign host over a real connection is refused, one that is none is a bad request", async () => {
  await using server = listen({ ...LOCAL, port: 0 }, { "GET /": () => new Response("page") });
  for (
    const [host, status] of [
      ["evil.example", "421 Misdirected Request"],
      ["[", "400 Bad Request"],
      ["a b", "400 Bad Request"],
    ]
  ) {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    assertEquals(new TextDecoder().decode(chunks[0]).split("\r\n")[0], `HTTP/1.1 ${status}`);
  }
});
