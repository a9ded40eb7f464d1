/**
 * Keeps the live page of a worker process open, as a browser does, until the process ends.
 *
 * @param url Address of its HTTP server.
 */
export async function keepPageOpen(url: string): Promise<void> {
  try {
    const events = await fetch(`${url}/api/events`);
    for await (const _ of events.body ?? []);
  } catch {
    // The process was killed, or cut off.
  }
}
