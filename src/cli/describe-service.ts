import type { ExitView, FailureView, InstanceView, ServiceView, SinkView } from "../protocol/api.ts";
import { renderSpec } from "./describe-spec.ts";
import { formatTime } from "./event-line.ts";
import { nameOf, renderInstances } from "./instances.ts";
import type { Terminal } from "./terminal.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** Everything that is known of a service, for people. */
export function renderService(view: ServiceView, terminal: Terminal): string {
  const sections = [
    [terminal.paint("bold", view.service), ...rows(facts(view))],
    renderInstances(view.instances, terminal),
    rows(view.instances.flatMap(instanceFacts)),
    view.lastFailure === null ? [] : renderFailure(view.lastFailure, { service: view.service, terminal }),
    view.sinks.length === 0 ? [] : [terminal.paint("bold", "Sinks"), ...rows(view.sinks.map(sinkFacts))],
    view.notEnforced.map((limit) => `${terminal.paint("yellow", "not enforced:")} ${limit}`),
    [terminal.paint("bold", "Configuration"), ...rows(renderSpec(view.spec))],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** The last failure and what was written before it, as lines. Also the end of a failed `up`. */
export function renderFailure(
  failure: FailureView,
  { service, terminal }: { readonly service: string; readonly terminal: Terminal },
): string[] {
  const name = nameOf({ service, slot: failure.slot });
  const head = `${terminal.paint("red", "last failure:")} ${name} ${failure.reason} at ${formatTime(failure.at)}`;
  const restarts = `restarts ${failure.restarts}, generation ${failure.generation}`;
  const exit = failure.exit === null ? restarts : `${renderExit(failure.exit)}, ${restarts}`;
  return [head, `  ${exit}`, ...failure.logTail.map((line) => `  ${terminal.paint("gray", "|")} ${printable(line)}`)];
}

/** What a service wrote must not steer the terminal of whoever looks at it. */
export function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}

function facts(view: ServiceView): [string, string][] {
  const found: [string, string | null][] = [
    ["desired", view.desired],
    ["revision", String(view.revision)],
    ["source", view.source ?? "command line"],
    ["next run", view.nextRunAt === null ? null : formatTime(view.nextRunAt)],
    ["waits for", view.waitingFor.length === 0 ? null : view.waitingFor.join(", ")],
    ["listens", view.listening.map(({ name, address }) => `${name} at ${address}`).join(", ") || null],
    ["logs", view.logDirectory],
    ["log dropped", view.logDroppedBytes === 0 ? null : `${formatBytes(view.logDroppedBytes)} (the disk was full)`],
  ];
  return found.filter((fact): fact is [string, string] => fact[1] !== null);
}

function instanceFacts(instance: InstanceView): [string, string][] {
  const parts = [
    `generation ${instance.generation}`,
    `revision ${instance.revision}`,
    ...(instance.startedAt === null ? [] : [`started ${formatTime(instance.startedAt)}`]),
    ...(instance.healthy === null ? [] : [instance.healthy ? "healthy" : "unhealthy"]),
    ...(instance.slow ? ["past its restart limit"] : []),
    ...(instance.exit === null ? [] : [`last end: ${renderExit(instance.exit)} at ${formatTime(instance.exit.at)}`]),
    ...(instance.statusText === null ? [] : [`says "${printable(instance.statusText)}"`]),
  ];
  return [[nameOf(instance), parts.join(", ")]];
}

function sinkFacts(sink: SinkView): [string, string] {
  const behind = sink.lagMs === null ? "" : ` for ${formatDuration(sink.lagMs)}`;
  const parts = [
    `${sink.by}, ${sink.state}`,
    ...(sink.failingSince === null ? [] : [`since ${formatTime(sink.failingSince)}`]),
    ...(sink.error === null ? [] : [printable(sink.error)]),
    ...(sink.state === "unknown"
      ? []
      : [
          `${sink.deliveredLines} lines (${formatBytes(sink.deliveredBytes)}) delivered`,
          `${formatBytes(sink.lagBytes)} waiting${behind}`,
        ]),
    ...(sink.lostBytes === 0 ? [] : [`${formatBytes(sink.lostBytes)} deleted before they were delivered`]),
    ...(sink.refusedLines === 0 ? [] : [`${sink.refusedLines} lines refused`]),
  ];
  return [sink.name, parts.join(", ")];
}

function renderExit(exit: ExitView): string {
  if (exit.status === "unknown") return "exit status unknown";
  return exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;
}

function rows(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([key]) => key.length));
  return pairs.map(([key, value]) => `  ${key.padEnd(width)}  ${value}`);
}
