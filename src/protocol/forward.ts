/**
 * What the supervisor and the forwarder, the process that delivers log lines elsewhere, say to each other: one JSON document
 * a line over the forwarder's standard input and output. The end of its input ends the forwarder.
 */
import type { SinkSpec } from "../core/sink.ts";
import type { SinkView } from "./api.ts";

/** In the directory where places are kept: what the one forwarder of a home holds as long as it lives. */
export const forwarderLock = ".lock";

/** To the forwarder. */
export type ForwarderCommand =
  | {
      /** Everything that is wanted from now on; what is not named any more ends. */
      readonly tell: "configure";
      /** The log directory of the home. */
      readonly logDirectory: string;
      /** Where places are kept, one directory for each service. */
      readonly stateDirectory: string;
      readonly services: readonly ForwardedService[];
    }
  | { readonly tell: "describe"; readonly id: number; readonly service: string }
  /** Everything is down: deliver what there is without waiting for more, then end. */
  | { readonly tell: "finish" };

/** A service some of whose lines go elsewhere. */
export interface ForwardedService {
  readonly service: string;
  readonly sinks: readonly SinkSpec[];
  /** What `exec` sinks run in. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** From the forwarder. */
export type ForwarderReport =
  | { readonly report: "event"; readonly event: ForwardEvent }
  | { readonly report: "described"; readonly id: number; readonly sinks: readonly SinkView[] };

/** Something that has to be said of a sink, as an event of the home. */
export interface ForwardEvent {
  readonly type: "forward_failed" | "forward_recovered" | "forward_gap" | "forward_refused";
  readonly service: string;
  readonly sink: string;
  readonly cause: string;
  /** `forward_gap`: how many bytes will never be delivered; null when nothing tells. */
  readonly lostBytes?: number | null;
}
