/**
 * Runs one PostgreSQL server on this machine, from the installed package of the distribution, for tests: nothing survives
 * it, and a crash of the machine may damage its data.
 *
 * @module
 */
import { sleep } from "../../lib/sleep.ts";
import { freePort, ServerProcess } from "./server_process.ts";

/** PostgreSQL can't be run here; the message says what is missing. */
export class PostgresUnavailable extends Error {
  override readonly name = "PostgresUnavailable";
}

/** A server that can be stopped, killed and started again; its data stay until it is disposed of. */
export interface PostgresServer extends AsyncDisposable {
  /** Of the database `postgres`, with the password of its owner, who may do everything. */
  readonly url: string;
  /** The port it listens on, on 127.0.0.1; the same after each start. */
  readonly port: number;
  /** Starts it again. Resolves when it answers. */
  start(): Promise<void>;
  /** Shuts it down in order: its clients are sent away. */
  stop(): Promise<void>;
  /** Ends it as a crash would, without a word to its clients. */
  kill(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const PASSWORD = "secret-of-the-tests";

/**
 * Where the programs of PostgreSQL are: the newest version in the folder of Debian's packages.
 *
 * @returns The directory, or `undefined` where PostgreSQL is not installed.
 */
export async function findPostgres(): Promise<string | undefined> {
  const versions: number[] = [];
  try {
    for await (const { name } of Deno.readDir("/usr/lib/postgresql")) versions.push(Number(name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const newest = versions.filter(Number.isInteger).sort((a, b) => b - a)[0];
  return newest === undefined ? undefined : `/usr/lib/postgresql/${newest}/bin`;
}

/**
 * Makes a server in a temporary directory and waits until it answers.
 *
 * @throws {PostgresUnavailable} Where PostgreSQL is not installed.
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
    throw new PostgresUnavailable(
      "PostgreSQL is not installed: on Debian and Ubuntu, apt-get install postgresql",
    );
  }
  const directory = await Deno.makeTempDir({ prefix: "imagebus-postgres-" });
  const server = new LocalServer(bin, directory, await unprivileged(directory));
  try {
    await server.initialize();
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class LocalServer implements PostgresServer {
  readonly port: number = freePort();
  readonly url: string = `postgres://postgres:${PASSWORD}@127.0.0.1:${this.port}/postgres`;
  #process: ServerProcess | undefined;

  constructor(readonly bin: string, readonly directory: string, readonly prefix: readonly string[]) {}

  async initialize(): Promise<void> {
    const secret = `${this.directory}/secret`;
    await Deno.writeTextFile(secret, PASSWORD);
    await this.#run("initdb", [
      ...["-D", `${this.directory}/data`, "-U", "postgres", `--pwfile=${secret}`],
      ...["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"],
    ]);
  }

  async start(): Promise<void> {
    const logFile = `${this.directory}/log`;
    const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
    const command = [
      ...this.prefix,
      `${this.bin}/postgres`,
      ...["-D", `${this.directory}/data`, "-p", String(this.port)],
      ...settings.flatMap((setting) => ["-c", setting]),
    ];
    // TERM would wait until the last client has left.
    this.#process = new ServerProcess({ command, logFile, stopSignal: "INT" });
    await this.#ready(this.#process, logFile);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill("QUIT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.directory, { recursive: true });
  }

  async #ready(process: ServerProcess, logFile: string): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (process.running && Date.now() < deadline) {
      const args = ["-q", "-h", "127.0.0.1", "-p", String(this.port), "-d", "postgres"];
      if ((await new Deno.Command(`${this.bin}/pg_isready`, { args }).output()).success) return;
      await sleep(50);
    }
    const log = await Deno.readTextFile(logFile);
    throw new Error(`PostgreSQL did not start:\n${log.trim().split("\n").slice(-8).join("\n")}`);
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    const [command, ...rest] = [...this.prefix, `${this.bin}/${program}`, ...args];
    const { success, stderr } = await new Deno.Command(command!, { args: rest, cwd: this.directory })
      .output();
    if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

/**
 * PostgreSQL refuses to run as root: then it runs as the user whom the package made, who gets the directory.
 *
 * @returns What to put before a command.
 */
async function unprivileged(directory: string): Promise<string[]> {
  if (Deno.uid() !== 0) return [];
  const [uid, gid] = await Promise.all(["-u", "-g"].map(idOfPostgres));
  await Deno.chown(directory, uid!, gid!);
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
}

async function idOfPostgres(flag: string): Promise<number> {
  const { success, stdout } = await new Deno.Command("id", { args: [flag, "postgres"] }).output();
  if (!success) throw new PostgresUnavailable("There is no user postgres, and root may not run PostgreSQL");
  return Number(new TextDecoder().decode(stdout));
}
