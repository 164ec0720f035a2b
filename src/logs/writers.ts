import type { LogSpec } from "../core/spec.ts";
import { type StreamKey, serviceDirectory } from "./names.ts";
import { ReadOrder, type SlotOrder } from "./order.ts";
import { SegmentWriter } from "./segment-writer.ts";

export interface WritersOptions {
  /** The log directory of the home. */
  readonly directory: string;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  /** A segment in the directory of a service was closed. */
  readonly onRotated: (directory: string, limits: LogSpec) => void;
}

/** The writers of a process: one for each stream of a slot, shared by generations that overlap, in one order of reading. */
export class Writers {
  readonly #options: WritersOptions;
  readonly #order = new ReadOrder();
  readonly #slotOrders = new Map<string, SlotOrder>();
  readonly #writers = new Map<string, { readonly service: string; readonly writer: SegmentWriter }>();

  constructor(options: WritersOptions) {
    this.#options = options;
  }

  /** The writer of a stream, new if there is none. */
  of(service: string, key: StreamKey, limits: LogSpec): SegmentWriter {
    const name = nameOf(service, key);
    const known = this.#writers.get(name)?.writer;
    if (known !== undefined) return known;
    const { now, onRotated } = this.#options;
    const directory = serviceDirectory(this.#options.directory, service);
    const context = {
      order: this.#order,
      slotOrder: this.#slotOrder(`${service}/${key.slot}`),
      now,
      onRotated: () => onRotated(directory, writer.limits),
    };
    const writer: SegmentWriter = new SegmentWriter(directory, { key, limits, context });
    this.#writers.set(name, { service, writer });
    return writer;
  }

  /** Those of one service, or all. */
  all(service?: string): SegmentWriter[] {
    const chosen = [...this.#writers.values()].filter((one) => service === undefined || one.service === service);
    return chosen.map((one) => one.writer);
  }

  /** What all services together may take: the least that any of them names, which is that of its file. */
  totalOfAllBytes(): number | undefined {
    const totals = this.all().flatMap(({ limits }) => limits.totalOfAllBytes ?? []);
    return totals.length === 0 ? undefined : Math.min(...totals);
  }

  /** Forgets the writer of a stream if nobody captures it any more. */
  release(service: string, key: StreamKey): void {
    const name = nameOf(service, key);
    if (this.#writers.get(name)?.writer.sharers === 0) this.#writers.delete(name);
  }

  #slotOrder(slot: string): SlotOrder {
    const order = this.#slotOrders.get(slot) ?? { last: 0 };
    this.#slotOrders.set(slot, order);
    return order;
  }
}

function nameOf(service: string, { slot, stream }: StreamKey): string {
  return `${service}/${slot}/${stream}`;
}
