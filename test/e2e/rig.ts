/** A supervisor of its own for one test: a fresh home, the real command, and proof afterwards that nothing is left. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, openClient } from "../../src/client/client.ts";
import { isDisconnected } from "../../src/client/errors.ts";
import type { EventView, InstanceView } from "../../src/protocol/api.ts";
import { type HomeFiles, openHome } from "../../src/supervisor/home.ts";
import { Following, lares, type Outcome, run } from "./commands.ts";
import { eventually, waitMs } from "./eventually.ts";
import { endLeftovers, leftoversOf, pidIn } from "./leftovers.ts";

/** Services as a configuration file has them, by name. */
export type Services = Readonly<Record<string, object>>;

/** Members that an event must have, and where to begin to look. */
export type Wanted = Partial<EventView> & { readonly after?: number };

/** Running programs as other users, and mounting, is for root, as CI is. */
export const isRoot = process.getuid?.() === 0;

/** The path of a program in `test/fixtures/programs`. */
export function program(name: string): string {
  return fileURLToPath(new URL(`../fixtures/programs/${name}`, import.meta.url));
}

const open = new Set<Rig>();
// A test that ran out of time never gets to the end of its block.
process.on("exit", () => {
  for (const rig of open) rig.abandon();
});

/** A fresh home. Nothing runs in it yet. */
export function createRig(): Rig {
  const rig = new Rig(mkdtempSync(join(tmpdir(), "lares-e2e-")));
  open.add(rig);
  return rig;
}

export class Rig implements AsyncDisposable {
  /** For files of the test; commands are run here. */
  readonly directory: string;
  readonly home: string;
  readonly files: HomeFiles;
  readonly client: Client;
  /** The environment of commands, and so of the supervisor that they start. */
  readonly env: Record<string, string>;
  /** What is run as `lares`. */
  command: string = lares;
  readonly #pids = new Set<number>();
  readonly #following: Following[] = [];

  constructor(directory: string) {
    this.directory = directory;
    this.home = join(directory, "home");
    // Services of other users are started here, too.
    chmodSync(directory, 0o755);
    mkdirSync(this.home);
    this.files = openHome(this.home);
    this.client = openClient({ socketPath: this.files.homes.socket });
    this.env = { PATH: process.env.PATH ?? "", HOME: directory, LARES_HOME: this.home };
  }

  /** Writes a file of the test. @returns its path */
  write(name: string, content: string | Uint8Array, options: { readonly mode?: number } = {}): string {
    const path = join(this.directory, name);
    writeFileSync(path, content, options);
    return path;
  }

  /** Writes the configuration that `up` and `apply` find. */
  configure(services: Services): string {
    // JSON is YAML.
    return this.write("lares.yaml", JSON.stringify({ services }, null, 1));
  }

  /** Runs a command to its end. */
  async lares(...words: readonly string[]): Promise<Outcome> {
    const outcome = await run(words, { cwd: this.directory, env: this.env, command: this.command });
    this.#remember();
    return outcome;
  }

  /** Runs a command that has to succeed. @returns what it printed */
  async ok(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.lares(...words);
    assert.equal(code, 0, `lares ${words.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** Runs a command that answers with one JSON document. */
  async json<T>(...words: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(...words, "--json"));
  }

  /** Runs a command that has to fail. @returns how it did */
  async fails(...words: readonly string[]): Promise<Outcome> {
    const outcome = await this.lares(...words);
    assert.notEqual(outcome.code, 0, `lares ${words.join(" ")} succeeded: ${outcome.stdout}`);
    return outcome;
  }

  /** Configures, and brings everything up. */
  async up(services: Services): Promise<void> {
    this.configure(services);
    await this.ok("up");
  }

  /** Configures, and begins to bring everything up. */
  async begin(services: Services): Promise<void> {
    this.configure(services);
    await this.ok("up", "--no-wait");
  }

  /** Starts a command that prints until it is ended. */
  follow(...words: readonly string[]): Following {
    const following = new Following(words, { cwd: this.directory, env: this.env });
    this.#following.push(following);
    return following;
  }

  async instance(service: string, slot = 0): Promise<InstanceView> {
    const found = (await this.client.instances()).find((it) => it.service === service && it.slot === slot);
    return found ?? assert.fail(`there is no ${service}/${slot}`);
  }

  /** Its pid, which it has to have. */
  async pid(service: string, slot = 0): Promise<number> {
    const { pid, state } = await this.instance(service, slot);
    return pid ?? assert.fail(`${service}/${slot} has no process: it is ${state}`);
  }

  /** The first event with these members, at once or when it comes; also across deaths of the supervisor. */
  async event({ after = 0, ...wanted }: Wanted): Promise<EventView> {
    const isWanted = (event: EventView) => Object.entries(wanted).every(([key, value]) => event[key] === value);
    const signal = AbortSignal.timeout(waitMs);
    for (let since = after; ; ) {
      try {
        for await (const event of this.client.events({ since, follow: true, signal })) {
          if (isWanted(event)) return event;
          since = event.seq;
        }
      } catch (error) {
        if (signal.aborted)
          throw new Error(`no event ${JSON.stringify(wanted)} after ${after}: ${await this.#story()}`);
        if (!isDisconnected(error)) throw error;
        await eventually(() => this.isAnswering(), "the supervisor answers again");
      }
    }
  }

  /** Everything that has happened so far. */
  async events(wanted: Wanted = {}): Promise<readonly EventView[]> {
    const { after = 0, ...members } = wanted;
    const found: EventView[] = [];
    for await (const event of this.client.events({ since: after })) found.push(event);
    return found.filter((event) => Object.entries(members).every(([key, value]) => event[key] === value));
  }

  /** The number of the latest event: what follows comes after it. */
  async now(): Promise<number> {
    return (await this.client.supervisor()).seq;
  }

  /** Waits until an instance is as described. */
  async becomes(name: string, state: Partial<InstanceView>): Promise<InstanceView> {
    const [service = "", slot = "0"] = name.split("/");
    let last: InstanceView | undefined;
    const fits = async () => {
      last = await this.instance(service, Number(slot));
      return Object.entries(state).every(([key, value]) => last?.[key as keyof InstanceView] === value) && last;
    };
    return eventually(fits, () => `${name} becomes ${JSON.stringify(state)}; it is ${JSON.stringify(last)}`);
  }

  async isAnswering(): Promise<boolean> {
    return this.client.supervisor().then(
      () => true,
      () => false,
    );
  }

  /** Ends what runs and removes what is there, without a word and at once. */
  abandon(): void {
    this.#remember();
    endLeftovers(this.files, this.#pids);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const following of this.#following) await following.end();
    this.#remember();
    const { code, stderr } = await this.lares("down", "--timeout", "100s");
    const left = await leftoversOf(this.files, this.#pids);
    if (left.length > 0) {
      // If the test failed as well, this error is only the one that suppressed the other, and shown by nobody.
      console.error(`left behind in ${this.home}: ${left.join(", ")}; ${stderr}`);
      endLeftovers(this.files, this.#pids);
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
    open.delete(this);
    assert.deepEqual(left, [], "something was left behind");
    assert.ok(code === 0 || code === 3, `lares down ended with ${code}: ${stderr}`);
  }

  /** Keeper and supervisor are known by their files only while they run. */
  #remember(): void {
    for (const path of [this.files.pidFile, this.files.keeperPidFile]) {
      const pid = pidIn(path);
      if (pid !== undefined) this.#pids.add(pid);
    }
  }

  async #story(): Promise<string> {
    const events = await this.events().catch(() => []);
    return events.map((event) => JSON.stringify(event)).join("\n");
  }
}
