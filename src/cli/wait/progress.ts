import type { InstanceView } from "../../protocol/api.ts";
import { nameOf, noteOn, styleOfState } from "../instances.ts";
import { cut, type Terminal } from "../terminal.ts";
import { formatDuration } from "../units.ts";
import { concerned } from "./goals.ts";
import type { Standing } from "./wait.ts";

/** How often a stop that hangs is mentioned where lines cannot be rewritten. */
const reminderMs = 5000;

interface Seen {
  readonly state: string;
  readonly sinceMs: number;
  remindedMs: number;
}

/**
 * Shows how a wait goes: on a terminal one line per instance, rewritten in place; elsewhere a line for each change.
 *
 * A stop names who holds it up, and for how long already.
 */
export class Progress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #seen = new Map<string, Seen>();
  /** Lines on the screen that are ours to rewrite. */
  #height = 0;

  constructor(terminal: Terminal, nowMs: () => number = performance.now.bind(performance)) {
    this.#terminal = terminal;
    this.#now = nowMs;
  }

  show(standing: Standing): void {
    const shown = concerned(
      standing.verdicts.map(({ goal }) => goal),
      standing.instances,
    );
    const changed = shown.filter((instance) => this.#note(instance));
    if (this.#terminal.live) this.#rewrite(shown, standing.disconnected);
    else for (const instance of changed) this.#terminal.write(`${this.#line(instance)}\n`);
  }

  /** Whether there is something to say of an instance that was not said yet. */
  #note(instance: InstanceView): boolean {
    const name = nameOf(instance);
    const seen = this.#seen.get(name);
    const nowMs = this.#now();
    if (seen?.state !== instance.state) {
      this.#seen.set(name, { state: instance.state, sinceMs: nowMs, remindedMs: nowMs });
      return true;
    }
    if (instance.state !== "stopping" || nowMs - seen.remindedMs < reminderMs) return false;
    seen.remindedMs = nowMs;
    return true;
  }

  #rewrite(instances: readonly InstanceView[], disconnected: boolean): void {
    const room = Math.max(3, this.#terminal.rows - 2);
    // What is under way is what one waits for; the rest is only counted if it does not fit.
    const sorted = instances.length <= room ? instances : instances.toSorted((a, b) => unrest(b) - unrest(a));
    const lines = sorted.slice(0, room - 1).map((instance) => this.#line(instance));
    if (instances.length >= room) lines.push(`… and ${instances.length - room + 1} more`);
    if (disconnected) lines.push(this.#terminal.paint("yellow", "the supervisor is being started again …"));
    const up = this.#height === 0 ? "" : `\u001b[${this.#height}A`;
    this.#terminal.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}\u001b[0J`);
    this.#height = lines.length;
  }

  #line(instance: InstanceView): string {
    const { state } = instance;
    const name = nameOf(instance);
    const elapsedMs = this.#now() - (this.#seen.get(name)?.sinceMs ?? this.#now());
    const blocks = state === "stopping" && elapsedMs >= 1000;
    const note = blocks
      ? `for ${formatDuration(elapsedMs)} already, pid ${instance.pid ?? "unknown"}`
      : noteOn(instance);
    const room = this.#terminal.columns - name.length - state.length - 4;
    const tail = note === "" ? "" : `  ${this.#terminal.paint("gray", cut(note, room))}`;
    return `${name}  ${this.#terminal.paint(styleOfState(state), state)}${tail}`;
  }
}

function unrest({ state }: InstanceView): number {
  return state === "up" || state === "down" || state === "completed" ? 0 : 1;
}
