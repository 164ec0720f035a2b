import type { PlanStep } from "../protocol/api.ts";
import type { Style, Terminal } from "./terminal.ts";

const signs: Readonly<Record<PlanStep["action"], { readonly sign: string; readonly style: Style }>> = {
  add: { sign: "+", style: "green" },
  change: { sign: "~", style: "yellow" },
  remove: { sign: "-", style: "red" },
  keep: { sign: " ", style: "gray" },
};

/** A plan as lines: one for each service that is touched, with old → new for each key. */
export function renderPlan(plan: readonly PlanStep[], terminal: Terminal): string[] {
  const touched = plan.filter(({ action }) => action !== "keep");
  const kept = plan.length - touched.length;
  if (touched.length === 0) return [`nothing to change (${count(kept, "service")})`];
  const lines = touched.flatMap((step) => renderStep(step, terminal));
  return kept === 0 ? lines : [...lines, terminal.paint("gray", `  ${count(kept, "service")} unchanged`)];
}

function renderStep(step: PlanStep, terminal: Terminal): string[] {
  const { sign, style } = signs[step.action];
  const effect = step.effect === "none" ? "" : terminal.paint("gray", ` (${step.effect})`);
  const changes = step.action === "change" ? step.changes : [];
  return [
    `${terminal.paint(style, `${sign} ${step.service}`)}${effect}`,
    ...changes.map(({ key, from, to }) => `    ${key}: ${value(from)} → ${value(to)}`),
  ];
}

function value(json: unknown): string {
  if (json === undefined || json === null) return "(not set)";
  return typeof json === "string" ? json : JSON.stringify(json);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
