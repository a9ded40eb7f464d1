/**
 * Runs one PostgreSQL server on this machine, from the distribution's package, for tests: its data are
 * removed with it, and a crash of the machine may damage them.
 *
 * @module
 */
import { ifFound } from "../../lib/if_found.ts";
import { ServerError } from "./server_error.ts";
import { freePort, ServerProcess } from "./server_process.ts";

const START_TIMEOUT_MS = 60_000;
const PASSWORD = "secret-of-the-tests";

/**
 * Finds the newest PostgreSQL that Debian's packages installed.
 *
 * @returns The directory of its programs, or `undefined` if PostgreSQL is not installed.
 */
export async function findPostgres(): Promise<string | undefined> {
  const entries = await ifFound(Array.fromAsync(Deno.readDir("/usr/lib/postgresql"))) ?? [];
  const versions = entries.map(({ name }) => Number(name)).filter(Number.isInteger);
  const newest = versions.sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : `/usr/lib/postgresql/${newest}/bin`;
}

/**
 * Starts a server in a temporary directory and waits until it accepts connections.
 *
 * @throws {ServerError} `unavailable` if PostgreSQL is not installed; `not_started` if the server exits or does not accept
 *   connections within 60 seconds.
 *
 * @example
 * ```ts ignore
 * await using postgres = await startPostgres();
 * console.log(postgres.url);
 * ```
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = await findPostgres();
  if (bin === undefined) {
    throw new ServerError(
      "unavailable",
      "Cannot start PostgreSQL: it is not installed; on Debian and Ubuntu, apt-get install postgresql",
    );
  }
  const directory = await Deno.makeTempDir({ prefix: "imagebus-postgres-" });
  await using started = new AsyncDisposableStack();
  const server = started.use(new PostgresServer(bin, directory, await unprivileged(directory)));
  await server.initialize();
  await server.start();
  started.move();
  return server;
}

/**
 * Starts a server that follows another one as its standby: it can be read, and refuses what writes.
 *
 * @param primary Runs.
 */
export async function startStandby({ bin, url }: PostgresServer): Promise<PostgresServer> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-postgres-" });
  await using started = new AsyncDisposableStack();
  const server = started.use(new PostgresServer(bin, directory, await unprivileged(directory), url));
  await server.initialize();
  await server.start();
  started.move();
  return server;
}

/** A server that can be stopped, killed and restarted; its data are kept until it is disposed of. */
export class PostgresServer implements AsyncDisposable {
  /** The port on 127.0.0.1; the same after a restart. */
  readonly port: number = freePort();
  /** Of the database `postgres`, with the password of its superuser. */
  readonly url: string = `postgres://postgres:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  #process: ServerProcess | undefined;

  /**
   * @param prefix The words to put before each command.
   * @param primary URL of the server that it follows.
   */
  constructor(
    readonly bin: string,
    readonly directory: string,
    readonly prefix: readonly string[],
    readonly primary?: string,
  ) {}

  /** Creates its data. */
  async initialize(): Promise<void> {
    if (this.primary !== undefined) {
      const options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"];
      return await this.#run("pg_basebackup", [
        ...["-D", `${this.directory}/data`, "-d", this.primary],
        ...options,
      ]);
    }
    const secret = `${this.directory}/secret`;
    await Deno.writeTextFile(secret, PASSWORD);
    await this.#run("initdb", [
      ...["-D", `${this.directory}/data`, "-U", "postgres", `--pwfile=${secret}`],
      ...["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"],
    ]);
  }

  /** Starts it, the first time or again. Resolves when it accepts connections. */
  async start(): Promise<void> {
    const logFile = `${this.directory}/log`;
    const settings = ["listen_addresses=127.0.0.1", `unix_socket_directories=${this.directory}`, "fsync=off"];
    const command = [
      ...this.prefix,
      `${this.bin}/postgres`,
      ...["-D", `${this.directory}/data`, "-p", String(this.port)],
      ...settings.flatMap((setting) => ["-c", setting]),
    ];
    // TERM would wait until the last client has disconnected.
    this.#process = new ServerProcess({ command, logFile, stopSignal: "INT" });
    await this.#process.ready("PostgreSQL", () => this.#accepts(), START_TIMEOUT_MS);
  }

  /** Shuts it down gracefully: its clients are disconnected. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  /** Ends it as a crash would, without notice to its clients. */
  async kill(): Promise<void> {
    await this.#process?.kill("QUIT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.directory, { recursive: true });
  }

  async #accepts(): Promise<boolean> {
    const args = ["-q", "-h", "127.0.0.1", "-p", String(this.port), "-d", "postgres"];
    return (await new Deno.Command(`${this.bin}/pg_isready`, { args }).output()).success;
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const [command, ...rest] = [...this.prefix, `${this.bin}/${program}`, ...args];
    const { success, stderr } = await new Deno.Command(command!, { args: rest, cwd: this.directory })
      .output();
    if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

/**
 * PostgreSQL refuses to run as root: then it runs as the user that the package created, who becomes the
 * directory's owner.
 *
 * @returns The words to put before a command.
 */
async function unprivileged(directory: string): Promise<string[]> {
  if (Deno.uid() !== 0) return [];
  const [uid, gid] = await Promise.all(["-u", "-g"].map(idOfPostgres));
  await Deno.chown(directory, uid!, gid!);
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

async function idOfPostgres(flag: string): Promise<number> {
  const { success, stdout } = await new Deno.Command("id", { args: [flag, "postgres"] }).output();
  if (!success) {
    throw new ServerError("unavailable", "Cannot start PostgreSQL as root: there is no user postgres");
  }
  return Number(new TextDecoder().decode(stdout));
}
