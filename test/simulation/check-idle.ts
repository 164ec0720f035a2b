import { runDeadline } from "../../src/core/run.ts";
import { runsOf } from "../../src/core/slot.ts";
import { nextDeadline } from "../../src/core/world.ts";
import type { Description } from "./descriptors.ts";
import type { Machine } from "./machine.ts";
import { type SimSupervisor, sharedNotifyPath } from "./sim-supervisor.ts";

/** What holds whenever the supervisor has nothing to do at this moment. */
export function checkIdle(supervisor: SimSupervisor, machine: Machine): void {
  checkDeadlines(supervisor, machine);
  checkDescriptors(supervisor, machine);
}

/** Nothing is awaited without a deadline, and somebody wakes up for the earliest. */
function checkDeadlines({ interpreter, kernel }: SimSupervisor, machine: Machine): void {
  for (const [name, service] of interpreter.engine.world.services) {
    const deadline = nextDeadline(service);
    if (deadline !== undefined && deadline <= machine.nowMs) machine.violated(`${name} was due at ${deadline} ms`);
    if (deadline !== undefined && kernel.loop.nextTimerMs === undefined)
      machine.violated(`${name} is due at ${deadline} ms, and nobody wakes up for it`);
    for (const slot of service.slots) {
      for (const run of runsOf(slot)) {
        if (run.phase === "spawning") machine.violated(`${name}/${slot.slot} is to be started, and nobody does`);
        if (run.phase !== "up" && runDeadline(run) === undefined)
          machine.violated(`${name}/${slot.slot} is ${run.phase} without a deadline`);
      }
    }
  }
}

/** Every descriptor is held for a run, and what is held is parked. */
function checkDescriptors({ interpreter, kernel, outputFds }: SimSupervisor, machine: Machine): void {
  const accounted = new Set(outputFds);
  for (const { fds } of interpreter.instances.holdings()) for (const fd of fds.values()) accounted.add(fd);
  for (const [fd, description] of kernel.fds.entries()) {
    const isShared = description.kind === "notify" && description.path === sharedNotifyPath;
    if (!accounted.has(fd) && !isShared) machine.violated(`descriptor ${fd} (${description.kind}) has leaked`);
  }
  for (const fd of accounted) kernel.fds.describe(fd);
  const parked = new Set<Description>(machine.store.flatMap(({ descriptions }) => descriptions));
  for (const fd of accounted) {
    const description = kernel.fds.describe(fd);
    if (!parked.has(description)) machine.violated(`descriptor ${fd} (${description.kind}) is not parked`);
  }
}
