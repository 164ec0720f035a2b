import { applyChange, type ServiceChange } from "./apply-change.ts";
import type { Draft } from "./draft.ts";
import { assertNever } from "./errors.ts";
import { resetSlot } from "./slot-step.ts";
import { onSlots, reload, restart, signal, start, stop, type Target } from "./target-commands.ts";

export type { ServiceChange } from "./apply-change.ts";
export type { Target } from "./target-commands.ts";

/** What an operator asks for; names were checked before. */
export type Command = { readonly type: "command" } & (
  | { readonly command: "apply"; readonly revision: number; readonly changes: readonly ServiceChange[] }
  | {
      readonly command: "start" | "stop" | "restart" | "reload" | "reset" | "delete";
      readonly targets: readonly Target[];
    }
  | { readonly command: "signal"; readonly targets: readonly Target[]; readonly signal: string }
  | { readonly command: "end" }
);

export function carryOut(draft: Draft, command: Command): void {
  switch (command.command) {
    case "apply":
      for (const change of command.changes) applyChange(draft, change, command.revision);
      return;
    case "start":
      for (const target of command.targets) start(draft, target);
      return;
    case "stop":
      for (const target of command.targets) stop(draft, target);
      return;
    case "restart":
      for (const target of command.targets) restart(draft, target);
      return;
    case "reload":
      for (const target of command.targets) reload(draft, target);
      return;
    case "reset":
      for (const target of command.targets) onSlots(draft, target, resetSlot);
      return;
    case "delete":
      for (const { service } of command.targets) draft.change(service, (one) => ({ ...one, leaving: true }));
      return;
    case "signal":
      for (const target of command.targets) signal(draft, target, command.signal);
      return;
    case "end":
      draft.ending = true;
      for (const [name] of draft.services()) draft.touch(name);
      return;
    default:
      assertNever(command);
  }
}
