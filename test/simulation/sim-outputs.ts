import type { RunId } from "../../src/core/effects.ts";
import type { OutputStream } from "../../src/supervisor/holding.ts";
import type { Outputs } from "../../src/supervisor/instances-options.ts";
import type { Machine } from "./machine.ts";
import type { SimKernel } from "./sim-kernel.ts";

/** Captures output as the real capture does, in whole lines: what leaves the pipe is in the file at the same moment. */
export function simOutputs(machine: Machine, kernel: SimKernel): Outputs & { readonly fds: ReadonlySet<number> } {
  const open = new Set<number>();
  return {
    fds: open,
    open: (run, { name, fd, onEnd }) => {
      const path = logPath(run, name);
      return capture({ machine, kernel, open, path, fd, onEnd });
    },
    past(run, onLine) {
      for (const line of machine.logs.get(logPath(run, "stdout")) ?? []) onLine(line);
    },
    tail: () => [],
  };
}

/** Where the lines of one start are kept. */
export function logPath({ service, slot, generation }: RunId, stream: "stdout" | "stderr"): string {
  return `${service}/${slot}#${generation}:${stream}`;
}

interface Source {
  readonly machine: Machine;
  readonly kernel: SimKernel;
  readonly open: Set<number>;
  readonly path: string;
  readonly fd: number;
  readonly onEnd: () => void;
}

function capture({ machine, kernel, open, path, fd, onEnd }: Source): OutputStream {
  const watchers = new Set<(line: string) => void>();
  let isOpen = true;
  open.add(fd);
  const take = () =>
    kernel.move(fd, (lines) => {
      machine.logs.set(path, [...(machine.logs.get(path) ?? []), ...lines]);
      for (const line of lines) for (const watcher of watchers) watcher(line);
    });
  const finish = () => {
    watch.close();
    isOpen = false;
    open.delete(fd);
    kernel.close(fd);
    onEnd();
  };
  const watch = kernel.watch(fd, () => {
    if (take() === "ended") finish();
  });
  return {
    drain: (onDrained) => {
      if (isOpen) take();
      onDrained();
    },
    end: () => {
      if (!isOpen) return;
      take();
      finish();
    },
    watchLines: (onLine) => {
      watchers.add(onLine);
      return () => watchers.delete(onLine);
    },
    setLimits: () => {},
  };
}
