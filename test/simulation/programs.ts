import type { ServiceSpec } from "../../src/core/spec.ts";
import type { Launch } from "../../src/supervisor/kernel.ts";
import { pipeLinesMax } from "./descriptors.ts";
import type { Machine } from "./machine.ts";
import type { Process } from "./processes.ts";
import type { Life, Witness } from "./witness.ts";

export interface ProgramContext {
  readonly machine: Machine;
  readonly witness: Witness;
  readonly launch: Launch;
}

/** A program that gets away with it: nothing helps but its definition's deletion. */
export const hopeless = "hopeless";

/** What a main process is going to do; drawn when it is started. */
interface Behaviour {
  readonly readyAfterMs: number | undefined;
  readonly endsAfterMs: number | undefined;
  readonly exitCode: number;
  readonly onTerm: "obey" | "linger" | "ignore";
  readonly lingerMs: number;
  readonly lines: number;
  /** How long it pings its watchdog. */
  readonly pingsForMs: number;
  readonly child: "none" | "obedient" | "stubborn";
}

/** Lets a process that was just started do what programs do. */
export function runProgram(process: Process, context: ProgramContext): void {
  const { machine, witness, launch } = context;
  const life = witness.lifeOf(process);
  const behaviour = behaviourOf(launch.spec, machine);
  const after = (delayMs: number, act: () => void) =>
    machine.agenda.after(delayMs, () => {
      if (process.state === "running") act();
    });
  process.onSignal = (signal) => onSignal(process, { signal, behaviour, machine, after });
  if (behaviour.readyAfterMs !== undefined) after(behaviour.readyAfterMs, () => becomeReady(process, life, context));
  for (let line = 0; line < behaviour.lines; line += 1) {
    after(machine.random.int(0, 60), () => write(process, life, { machine, after }));
  }
  if (behaviour.child !== "none") after(machine.random.int(0, 20), () => startChild(process, behaviour, machine));
  if (behaviour.endsAfterMs !== undefined) {
    const exit = { code: behaviour.exitCode, signal: null };
    after(behaviour.endsAfterMs, () => {
      machine.say(`${process.tag} ends by itself with ${exit.code}`);
      machine.processes.end(process, exit);
    });
  }
  if (launch.spec.watchdogMs !== undefined) {
    const everyMs = Math.floor(launch.spec.watchdogMs / 2);
    ping(process, { everyMs, untilMs: machine.nowMs + behaviour.pingsForMs, ...context, after });
  }
}

type After = (delayMs: number, act: () => void) => void;

function behaviourOf(spec: ServiceSpec, { random, isQuiet }: Machine): Behaviour {
  const broken = spec.command.includes(hopeless);
  const exitCode = broken || random.chance(0.7) ? random.int(1, 9) : 0;
  const calm = isQuiet && !broken;
  const isTask = spec.kind === "task";
  return {
    readyAfterMs: !calm && random.chance(0.06) ? undefined : random.int(0, 30),
    endsAfterMs: broken || isTask || (!calm && random.chance(0.45)) ? random.int(0, 120) : undefined,
    exitCode: isTask && calm ? 0 : exitCode,
    onTerm: calm ? "obey" : random.pick(["obey", "obey", "linger", "ignore"]),
    lingerMs: random.int(0, 80),
    lines: random.int(0, 5),
    pingsForMs: !calm && random.chance(0.3) ? random.int(0, 200) : Number.POSITIVE_INFINITY,
    child: calm ? "none" : random.pick(["none", "none", "none", "obedient", "stubborn"]),
  };
}

function onSignal(
  process: Process,
  { signal, behaviour, machine, after }: { signal: string; behaviour: Behaviour; machine: Machine; after: After },
): void {
  if (signal !== "SIGTERM" || behaviour.onTerm === "ignore") return;
  // Half of them end with a status of their own, as servers do that close down in order.
  const exit = machine.random.chance(0.5) ? { code: 0, signal: null } : { code: null, signal };
  after(behaviour.onTerm === "linger" ? behaviour.lingerMs : 0, () => machine.processes.end(process, exit));
}

function becomeReady(process: Process, life: Life, { machine, launch }: ProgramContext): void {
  life.readyAtMs = machine.nowMs;
  const { ready } = launch.spec;
  if (ready.by === "notify") say(process, "READY=1", { machine, launch });
  if (ready.by === "fd") process.fds.get(ready.fd)?.kind === "pipe_write" && writeLine(process, ready.fd, "\n");
  if (ready.by === "log") {
    life.lines.push(`${life.id}:${life.lines.length} ready`);
    writeLine(process, 1, life.lines.at(-1) ?? "");
  }
}

/** A numbered line, later if the pipe is full; nobody else may ever close its other end. */
function write(process: Process, life: Life, { machine, after }: { machine: Machine; after: After }): void {
  const end = process.fds.get(1);
  if (end?.kind !== "pipe_write") return;
  if (end.pipe.reader.refs === 0) machine.violated(`${process.tag} got EPIPE: nobody holds its output`);
  if (end.pipe.lines.length >= pipeLinesMax) {
    after(1, () => write(process, life, { machine, after }));
    return;
  }
  const line = `${life.id}:${life.lines.length}`;
  life.lines.push(line);
  end.pipe.lines.push(line);
}

function writeLine(process: Process, fd: number, line: string): void {
  const end = process.fds.get(fd);
  if (end?.kind === "pipe_write") end.pipe.lines.push(line);
}

interface Pinging extends ProgramContext {
  readonly after: After;
  readonly everyMs: number;
  readonly untilMs: number;
}

function ping(process: Process, pinging: Pinging): void {
  const { machine, witness, after, everyMs, untilMs } = pinging;
  if (machine.nowMs >= untilMs) witness.lifeOf(process).isSick = true;
  else {
    say(process, "WATCHDOG=1", pinging);
    after(everyMs, () => ping(process, pinging));
  }
}

/** Tells its supervisor something, whoever that is at the moment. */
function say(process: Process, data: string, { machine, launch }: { machine: Machine; launch: Launch }): void {
  const path = launch.env.NOTIFY_SOCKET ?? "";
  const socket = machine.notifySockets.get(path);
  if (!socket?.refs) machine.violated(`${process.tag} cannot say ${data}: nobody holds "${path}"`);
  const credentials = { pid: process.pid, uid: globalThis.process.getuid?.() ?? 0 };
  socket?.queue.push({ data: Buffer.from(data), truncated: false, credentials, descriptors: 0 });
}

/** A child that holds its parent's output open, and may outlive it. */
function startChild(parent: Process, { child }: Behaviour, machine: Machine): void {
  const process = machine.processes.start({
    parent: parent.pid,
    group: parent.group,
    cgroup: parent.cgroup,
    ...(parent.tag && { tag: parent.tag }),
  });
  for (const [fd, description] of parent.fds) {
    description.refs += 1;
    process.fds.set(fd, description);
  }
  process.onSignal = (signal) => {
    if (signal === "SIGTERM" && child === "obedient") machine.processes.end(process, { code: null, signal });
  };
}
