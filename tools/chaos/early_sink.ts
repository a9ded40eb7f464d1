import type { Settled, Sink } from "../../actors/sinks/sink.ts";

const LATE_MS = 1_000;

/**
 * The negative control: reports a batch as stored, so that it is committed, and stores it a second later. A
 * process that is killed in between loses the batch, and so does one whose database is unavailable by then. A
 * run with it has to fail, else the audit proves nothing.
 *
 * @param sink The sink that stores the batches.
 */
export function earlySink(sink: Sink): Sink {
  const late = new Map<ReturnType<typeof setTimeout>, readonly Settled[]>();
  const write = async (batch: readonly Settled[]) => {
    try {
      await sink.write(batch);
    } catch (error) {
      console.error(`Lost ${batch.length} committed results: ${error}`);
    }
  };
  return {
    name: sink.name,
    async write(batch) {
      const timer = setTimeout(() => {
        late.delete(timer);
        void write(batch);
      }, LATE_MS);
      late.set(timer, batch);
      await Promise.resolve();
    },
    async close() {
      for (const [timer, batch] of late) {
        clearTimeout(timer);
        await write(batch);
      }
      await sink.close?.();
    },
  };
}
