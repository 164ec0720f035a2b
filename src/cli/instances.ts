import type { InstanceState, InstanceView } from "../protocol/api.ts";
import { type Cell, type Column, renderTable } from "./table.ts";
import type { Style, Terminal } from "./terminal.ts";
import { formatBytes, formatDuration } from "./units.ts";

const stateStyles: Readonly<Record<InstanceState, Style>> = {
  down: "gray",
  starting: "yellow",
  up: "green",
  degraded: "yellow",
  stopping: "yellow",
  backoff: "magenta",
  failed: "red",
  completed: "cyan",
};

const columns: readonly Column[] = [
  { title: "NAME" },
  { title: "STATE" },
  { title: "PID", align: "right" },
  { title: "UPTIME", align: "right" },
  { title: "RESTARTS", align: "right" },
  { title: "CPU", align: "right" },
  { title: "MEM", align: "right" },
  { title: "REASON" },
];

/** `SERVICE/SLOT`. */
export function nameOf(instance: { readonly service: string; readonly slot: number }): string {
  return `${instance.service}/${instance.slot}`;
}

/** The colour in which a state is shown everywhere. */
export function styleOfState(state: InstanceState): Style {
  return stateStyles[state];
}

/** The table of `ls`, `describe` and `top`, as lines. */
export function renderInstances(instances: readonly InstanceView[], terminal: Terminal): string[] {
  return renderTable(columns, { rows: instances.map(row), terminal });
}

/** Why it is in its state, if that says more than the state; else what it says of itself. */
export function noteOn({ state, reason, statusText }: InstanceView): string {
  return (reason === state ? null : reason) ?? statusText ?? "";
}

function row(instance: InstanceView): Cell[] {
  return [
    nameOf(instance),
    { text: instance.state, style: styleOfState(instance.state) },
    orDash(instance.pid, String),
    orDash(instance.uptimeMs, formatDuration),
    String(instance.restarts),
    orDash(instance.cpuPercent, (percent) => `${percent.toFixed(1)}%`),
    orDash(instance.memoryBytes, formatBytes),
    noteOn(instance),
  ];
}

function orDash<T>(value: T | null, format: (value: T) => string): string {
  return value === null ? "-" : format(value);
}
