import type { Job } from "../../../actors/workers/job.ts";
import { type GivenBatch, Mailbox } from "../../../actors/workers/mailbox.ts";
import { assertEquals } from "../../../testing/assert.ts";

const LIMITS = { maxBatch: 4, maxBatchBytes: 1_000, maxBatchWaitMs: 0, maxBatchMs: 1_000 };

function jobs(count: number, from = 0): Job[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `${from + i}`;
    return { id, stickyKey: id, image: new Uint8Array(1), bytes: 1, settle() {} };
  });
}

/** Images that take so long each, in milliseconds. */
function filled(count: number, ms: number): Mailbox {
  const mailbox = new Mailbox(LIMITS);
  for (let i = 0; i < 100; i++) mailbox.took(4, 4 * ms);
  for (const job of jobs(count)) mailbox.add(job);
  return mailbox;
}

/** What one Worker gets at once. */
function given(mailbox: Mailbox): GivenBatch[] {
  const running: GivenBatch[] = [];
  for (let next = mailbox.take(running); next; next = mailbox.take(running)) running.push(next);
  return running;
}

const ids = (batches: readonly GivenBatch[]) =>
  batches.map(({ batch, isSuspected }) => [isSuspected, ...batch.jobs.map(({ id }) => id)]);

Deno.test("mailbox: a Worker gets a batch, and behind it full ones for 20 ms by the speed so far", () => {
  assertEquals(given(filled(40, 1.1)).length, 6);
  assertEquals(given(filled(40, 2.6)).length, 3);
  assertEquals(given(filled(40, 100)).length, 2);
});

Deno.test("mailbox: what does not fill a batch goes to an idle Worker only", () => {
  assertEquals(ids(given(filled(7, 1))), [[false, "0", "1", "2", "3"]]);
  assertEquals(ids(given(filled(3, 1))), [[false, "0", "1", "2"]]);
  assertEquals(given(filled(0, 1)), []);
});

Deno.test("mailbox: batches that failed go first, one at a time, and nothing waits behind or beside them", () => {
  const mailbox = filled(8, 1);
  const [fresh] = given(filled(8, 1));
  mailbox.retry([{ jobs: jobs(1, 10), failures: 0 }, { jobs: jobs(1, 20), failures: 0 }]);
  mailbox.putBack({ jobs: jobs(1, 30), failures: 0 });
  assertEquals(mailbox.take([fresh!]), null);
  for (const id of ["10", "20", "30"]) assertEquals(ids(given(mailbox)), [[true, id]]);
  assertEquals(ids(given(mailbox)), [[false, "0", "1", "2", "3"], [false, "4", "5", "6", "7"]]);
});

Deno.test("mailbox: all its images are taken, those that failed first", () => {
  const mailbox = filled(5, 1);
  mailbox.retry([{ jobs: jobs(2, 10), failures: 1 }]);
  assertEquals(mailbox.takeAll().map(({ id }) => id), ["10", "11", "0", "1", "2", "3", "4"]);
  assertEquals(given(mailbox), []);
});
