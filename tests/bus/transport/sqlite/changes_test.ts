import { openSqliteTransport } from "../../../../bus/transport/sqlite/open.ts";
import { assert } from "../../../../testing/assert.ts";

Deno.test({
  name: "sqlite changes: whoever stores something sets the time of the file, which wakes those who watch it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-" });
    const path = `${directory}/bus.db`;
    const before = Date.now() - 1_000;
    {
      await using transport = await openSqliteTransport(path);
      await transport.ensureTopics(["topic"]);
      await Deno.utime(path, 0, 0);
      await transport.send("topic", [{ value: new Uint8Array(1) }]);
      assert((await Deno.stat(path)).mtime!.getTime() >= before);
    }
    await Deno.remove(directory, { recursive: true });
  },
});
