import type { Effect, RunId } from "../../src/core/effects.ts";
import { assertNever } from "../../src/core/errors.ts";
import type { Service } from "../../src/core/service.ts";
import { type Slot, stateOf } from "../../src/core/slot.ts";

/** An effect on one line, for example `signal web/0#1 SIGTERM`; what was recorded begins with `*`. */
export function renderEffect(effect: Effect): string {
  switch (effect.do) {
    case "spawn":
      return `spawn ${runText(effect.run)} of revision ${effect.revision}`;
    case "signal":
    case "clear":
      return `${effect.do} ${runText(effect.run)} ${effect.signal}`;
    case "await_ready":
    case "release":
    case "check_health":
    case "drain_listeners":
      return `${effect.do} ${runText(effect.run)}`;
    case "run_hook":
      return `run_hook ${effect.hook} ${runText(effect.run)}: ${effect.reason}`;
    case "steer":
      return `steer ${effect.service} to ${effect.live.join(", ") || "nobody"}`;
    case "close_listeners":
      return `close_listeners ${effect.service}/${effect.slot}`;
    case "plan_schedule":
      return `plan_schedule ${effect.service}`;
    case "record":
      return renderEvent(effect.event);
    case "finish":
      return "finish";
    default:
      return assertNever(effect);
  }
}

/** A slot's state, its generations and why, for example `web/0 up #2 (restarted)`. */
export function renderSlot(service: Service, slot: Slot): string {
  const notes = [
    slot.rest.state === "backoff" && !slot.current && `until ${slot.rest.untilMs}`,
    slot.successor && `successor #${slot.successor.generation} ${slot.successor.phase}`,
    ...slot.retiring.map(({ generation, phase }) => `beside #${generation} ${phase}`),
    slot.current?.phase === "up" && slot.current.reloading && `reloading: ${slot.current.reloading.step}`,
    slot.current?.statusText && `says ${JSON.stringify(slot.current.statusText)}`,
    slot.held && "held",
    slot.reason,
  ].filter((note) => typeof note === "string");
  const generation = slot.current ? ` #${slot.current.generation}` : "";
  const why = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return `= ${service.spec.name}/${slot.slot} ${stateOf(slot)}${generation}${why}`;
}

function renderEvent(event: Extract<Effect, { do: "record" }>["event"]): string {
  const { type, service, slot, generation, cause, pid: _, ...details } = event;
  const where = slot === undefined ? service : runText({ service: service ?? "", slot, generation: generation ?? 0 });
  const more = Object.entries(details).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `* ${type} ${where}${more.join("")}${cause === undefined ? "" : `: ${cause}`}`;
}

function runText({ service, slot, generation }: RunId): string {
  return `${service}/${slot}#${generation}`;
}
