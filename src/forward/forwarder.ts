import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { serviceDirectory } from "../logs/names.ts";
import type { SinkView } from "../protocol/api.ts";
import type { ForwardEvent, ForwarderCommand } from "../protocol/forward.ts";
import { Lane, type LaneOptions } from "./lane.ts";
import { Permits } from "./permits.ts";

/** Batches in memory at a time, whatever the number of sinks: with what each is made into, some 100 MB at the very most. */
const BATCHES_MAX = 16;

type Configuration = Extract<ForwarderCommand, { tell: "configure" }>;

interface Running {
  readonly lane: Lane;
  /** What it was made from. */
  readonly options: LaneOptions;
  readonly made: string;
}

/** All ways of a home from files to sinks. */
export class Forwarder {
  readonly #say: (event: ForwardEvent) => void;
  readonly #permits = new Permits(BATCHES_MAX);
  #running = new Map<string, Running>();
  /** One change after the other: a lane must have ended before another takes its place. */
  #changing: Promise<void> = Promise.resolve();

  constructor(say: (event: ForwardEvent) => void) {
    this.#say = say;
  }

  /** Makes the lanes those of this configuration. What did not change goes on undisturbed. */
  configure(configuration: Configuration): void {
    this.#changing = this.#changing.then(() => this.#change(configuration));
  }

  describe(service: string): readonly SinkView[] {
    const own = [...this.#running.values()].filter(({ options }) => options.service.service === service);
    return own.map(({ lane }) => lane.view(Date.now()));
  }

  /** Delivers what can be delivered now, and resolves. */
  async finish(): Promise<void> {
    await this.#changing;
    for (const { lane } of this.#running.values()) lane.finish();
    await this.#ended();
  }

  /** Ends after the batches under way, which are given up after `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => {
      for (const { lane } of this.#running.values()) lane.abandon();
    }, patienceMs);
    for (const { lane } of this.#running.values()) lane.stop();
    await this.#ended();
    clearTimeout(timer);
  }

  async #ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ lane }) => lane.ended));
  }

  async #change(configuration: Configuration): Promise<void> {
    const wanted = new Map(this.#lanesOf(configuration).map((options) => [keyOf(options), options]));
    const before = this.#running;
    this.#running = new Map();
    const ending: Promise<void>[] = [];
    for (const [key, running] of before) {
      const options = wanted.get(key);
      if (options !== undefined && running.made === describe(options)) this.#running.set(key, running);
      else {
        running.lane.stop();
        ending.push(running.lane.ended);
      }
    }
    await Promise.all(ending);
    for (const [key, options] of wanted) {
      if (this.#running.has(key)) continue;
      this.#running.set(key, { lane: new Lane(options), options, made: describe(options) });
    }
    forgetDeleted(configuration);
  }

  #lanesOf({ services, logDirectory, stateDirectory }: Configuration): LaneOptions[] {
    return services.flatMap((service) =>
      service.sinks.map((sink) => ({
        service,
        sink,
        logDirectory,
        stateDirectory: join(stateDirectory, service.service),
        permits: this.#permits,
        say: (event) => this.#say({ ...event, service: service.service, sink: sink.name }),
      })),
    );
  }
}

function keyOf({ service, sink }: LaneOptions): string {
  return `${service.service}/${sink.name}`;
}

/** What makes a difference to a lane. */
function describe({ service, sink }: LaneOptions): string {
  return JSON.stringify([sink, sink.by === "exec" ? [service.directory, service.env] : []]);
}

/** The place of a sink that is named no more is kept for when it is named again, as long as there are logs of its service. */
function forgetDeleted({ services, logDirectory, stateDirectory }: Configuration): void {
  const names = existsSync(stateDirectory) ? readdirSync(stateDirectory, { withFileTypes: true }) : [];
  for (const entry of names) {
    const isNamed = services.some(({ service }) => service === entry.name);
    if (!entry.isDirectory() || isNamed || existsSync(serviceDirectory(logDirectory, entry.name))) continue;
    rmSync(join(stateDirectory, entry.name), { recursive: true, force: true });
  }
}
