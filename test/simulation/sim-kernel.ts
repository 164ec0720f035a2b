import { LaresError } from "../../src/core/errors.ts";
import type { Kernel, Launch, NotifyDatagram, ProcessExit, Remains, Spawned } from "../../src/supervisor/kernel.ts";
import { DescriptorTable } from "./descriptor-table.ts";
import { createPipe, type Description, isReadable } from "./descriptors.ts";
import { Loop } from "./loop.ts";
import type { Machine } from "./machine.ts";
import { initPid, keeperPid, type Process } from "./processes.ts";
import { runProgram } from "./programs.ts";
import { Died } from "./violation.ts";
import type { Witness } from "./witness.ts";

/** No schedule is that long: something is done over and over. */
const callsMax = 100_000;

/** The share of calls that something else happens before, and of those that fail for want of a descriptor. */
const shares = { interrupted: 0.04, noDescriptor: 0.004, spawnFails: 0.02 } as const;

/**
 * The kernel as one supervisor process sees it: its descriptors, its children, its death.
 *
 * A call may be the one before which the supervisor is killed; then it and all later ones throw `Died` and do nothing.
 */
export class SimKernel implements Kernel {
  readonly pid: number;
  readonly loop: Loop;
  readonly fds: DescriptorTable;
  readonly #machine: Machine;
  readonly #witness: Witness;
  readonly #self: Process;
  #callsLeft: number;
  #isDead = false;

  /** @param callsLeft how many calls it lives for */
  constructor(machine: Machine, { witness, callsLeft }: { witness: Witness; callsLeft: number }) {
    this.#machine = machine;
    this.#witness = witness;
    this.loop = new Loop(machine);
    this.fds = new DescriptorTable(machine);
    this.#callsLeft = callsLeft;
    this.#self = machine.processes.start({ parent: keeperPid });
    this.pid = this.#self.pid;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** `kill -9`: what it held is closed, its children are the keeper's. */
  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#machine.say(`supervisor ${this.pid} dies`);
    this.fds.closeAll();
    this.#machine.processes.end(this.#self, { code: null, signal: "SIGKILL" });
  }

  /** Every call that has an effect passes here: a death between two of them is a death before the later one. */
  enter(asItDies?: () => void): void {
    if (this.#isDead) throw new Died();
    this.#callsLeft -= 1;
    this.#witness.calls += 1;
    if (this.#callsLeft < 0) {
      asItDies?.();
      this.kill();
      throw new Died();
    }
    if (this.#witness.calls > callsMax) this.#machine.violated(`the supervisors have made ${callsMax} calls and go on`);
    const { random, agenda, isQuiet } = this.#machine;
    if (!isQuiet && random.chance(shares.interrupted)) agenda.advanceTo(agenda.nowMs + random.int(0, 2));
  }

  nowMs(): number {
    return this.#machine.nowMs;
  }

  later(delayMs: number, act: () => void): () => void {
    return this.loop.later(delayMs, act);
  }

  close(fd: number): void {
    this.enter();
    this.fds.close(fd);
  }

  createPipe() {
    this.enter();
    this.#mayLackDescriptors("create a pipe");
    const { reader, writer } = createPipe();
    return { readEnd: this.fds.open(reader), writeEnd: this.fds.open(writer) };
  }

  /** As through /proc/PID/fd: of the pipe that the process writes to. */
  reopenPipe(pid: number, fd: number): number | undefined {
    this.enter();
    const end = this.#machine.processes.get(pid)?.fds.get(fd);
    return end?.kind === "pipe_write" ? this.fds.open(end.pipe.reader) : undefined;
  }

  bindNotify(path: string): number {
    this.enter();
    this.#mayLackDescriptors(`bind "${path}"`);
    const socket: Description & { readonly kind: "notify" } = { kind: "notify", path, queue: [], refs: 0 };
    this.#machine.notifySockets.set(path, socket);
    return this.fds.open(socket);
  }

  removeNotify(path: string): void {
    this.enter();
    this.#machine.notifySockets.delete(path);
  }

  receiveNotify(fd: number, { peek }: { readonly peek: boolean }): NotifyDatagram | undefined {
    this.enter();
    const socket = this.fds.describe(fd);
    if (socket.kind !== "notify") return this.#machine.violated(`descriptor ${fd} is no notify socket`);
    return peek ? socket.queue[0] : socket.queue.shift();
  }

  watch(fd: number, onReadable: () => void): { close(): void } {
    this.enter();
    const description = this.fds.describe(fd);
    return this.loop.watch(() => this.fds.isStill(fd, description) && isReadable(description), onReadable);
  }

  read(fd: number): Uint8Array | undefined {
    return this.#take(fd, true);
  }

  look(fd: number): Uint8Array | undefined {
    return this.#take(fd, false);
  }

  spawn(launch: Launch): Spawned {
    this.enter();
    const { random, processes, isQuiet } = this.#machine;
    if (!isQuiet && random.chance(shares.spawnFails)) {
      throw new LaresError("spawn_failed", `Cannot start "${launch.argv[0]}": out of memory`);
    }
    const tag = launch.env.LARES_INSTANCE;
    this.#machine.marks.add(launch.mark);
    const child = processes.start({ parent: this.pid, isMain: true, cgroup: launch.group, ...(tag && { tag }) });
    launch.fds.forEach((fd, index) => {
      const description = this.fds.describe(fd);
      description.refs += 1;
      child.fds.set(index + 1, description);
    });
    this.#machine.say(`spawned ${tag} as ${child.pid}`);
    this.#witness.spawned(child, launch);
    runProgram(child, { machine: this.#machine, witness: this.#witness, launch });
    return this.#hold(child);
  }

  wasStarted(mark: string): boolean {
    return this.#machine.marks.has(mark);
  }

  marks(): readonly string[] {
    return [...this.#machine.marks];
  }

  removeMark(mark: string): void {
    this.enter();
    this.#machine.marks.delete(mark);
  }

  startTimeOf(pid: number): string | undefined {
    return this.#machine.processes.get(pid)?.startTime;
  }

  openPidfd(pid: number): number | undefined {
    this.enter();
    this.#mayLackDescriptors(`watch process ${pid}`);
    const process = this.#machine.processes.get(pid);
    return process && this.fds.open({ kind: "pidfd", process, refs: 0 });
  }

  signal(pidfd: number, signal: string): boolean {
    this.enter();
    return this.deliver(this.#processOf(pidfd), signal);
  }

  exitOf(pidfd: number, _pid: number): ProcessExit | "running" | "unknown" {
    this.enter();
    const process = this.#processOf(pidfd);
    if (process.state === "running") return "running";
    if (process.state === "zombie" && process.parent === this.pid) this.#machine.processes.reap(process);
    else if (process.state === "gone" && !this.#machine.options.keepsStatus) return "unknown";
    return process.exit ?? "unknown";
  }

  tagOf(pid: number): string | undefined {
    return this.#machine.processes.get(pid)?.tag;
  }

  sessionOf(pid: number): number | undefined {
    return this.#machine.processes.get(pid)?.group;
  }

  findTagged(tag: string): readonly number[] {
    return this.#running().flatMap((process) => (process.tag === tag ? [process.pid] : []));
  }

  tagsOf(homeId: string): ReadonlyMap<string, readonly number[]> {
    const tags = new Map<string, number[]>();
    for (const { tag, pid } of this.#running()) {
      if (tag?.endsWith(`@${homeId}`)) tags.set(tag, [...(tags.get(tag) ?? []), pid]);
    }
    return tags;
  }

  createGroup(name: string): string | undefined {
    return this.#machine.options.hasCgroups ? `/cgroup/${name}` : undefined;
  }

  removeGroup(_group: string): void {}
  limitGroup(): void {}

  hasLeftovers(remains: Remains): boolean {
    return this.#leftovers(remains).length > 0;
  }

  signalLeftovers(remains: Remains, signal: string): void {
    this.enter();
    for (const process of this.#leftovers(remains)) this.deliver(process, signal);
  }

  membersOf({ process, group }: { readonly process?: { readonly pid: number }; readonly group: string | undefined }) {
    if (group !== undefined) return this.#running().flatMap(({ cgroup, pid }) => (cgroup === group ? [pid] : []));
    return process ? [process.pid] : [];
  }

  isPartOf(pid: number, { pid: main, tag }: Remains): boolean {
    const process = this.#machine.processes.get(pid);
    return process !== undefined && (process.pid === main || process.parent === main || process.tag === tag);
  }

  /** Takes everything that a pipe holds to where `keep` puts it, in one step, as splice(2) does. */
  move(fd: number, keep: (lines: readonly string[]) => void): "flowing" | "empty" | "ended" {
    this.enter();
    const end = this.fds.describe(fd);
    if (end.kind !== "pipe_read") return this.#machine.violated(`descriptor ${fd} is no pipe`);
    const lines = end.pipe.lines.splice(0);
    if (lines.length > 0) keep(lines);
    else return end.pipe.writer.refs === 0 ? "ended" : "empty";
    return "flowing";
  }

  deliver(process: Process, signal: string): boolean {
    if (process.state !== "running") return process.state === "zombie";
    this.#machine.say(`${signal} to ${process.pid} (${process.tag ?? "a stranger"})`);
    this.#witness.signalled(process, signal);
    if (signal === "SIGKILL" || signal === "SIGABRT") {
      this.#machine.processes.end(process, { code: null, signal });
    } else process.onSignal?.(signal);
    return true;
  }

  processAt(pid: number): Process | undefined {
    return this.#machine.processes.get(pid);
  }

  #take(fd: number, consume: boolean): Uint8Array | undefined {
    this.enter();
    const end = this.fds.describe(fd);
    if (end.kind !== "pipe_read") return this.#machine.violated(`descriptor ${fd} is no pipe`);
    const line = consume ? end.pipe.lines.shift() : end.pipe.lines[0];
    if (line !== undefined) return Buffer.from(line);
    return end.pipe.writer.refs === 0 ? new Uint8Array() : undefined;
  }

  #processOf(pidfd: number): Process {
    const description = this.fds.describe(pidfd);
    return description.kind === "pidfd" ? description.process : this.#machine.violated(`${pidfd} is no pidfd`);
  }

  #running(): readonly Process[] {
    return this.#machine.processes.all().filter(({ state }) => state === "running");
  }

  /** By cgroup, or else orphans of the process group or with the tag; the same as the real one does. */
  #leftovers({ pid, startTime, tag, group }: Remains): readonly Process[] {
    if (group !== undefined) return this.#running().filter(({ cgroup }) => cgroup === group);
    const leader = this.#machine.processes.get(pid);
    const isGroupOurs = !leader || leader.startTime === startTime;
    return this.#running().filter((process) => {
      if (process.parent !== keeperPid && process.parent !== initPid) return false;
      return process.tag === tag || (process.tag === undefined && isGroupOurs && process.group === pid);
    });
  }

  /** Between the start of a program and holding it, the supervisor may die, or lack a descriptor. */
  #hold(child: Process): Spawned {
    this.enter();
    try {
      this.#mayLackDescriptors(`watch process ${child.pid}`);
      const pidfd = this.fds.open({ kind: "pidfd", process: child, refs: 0 });
      return { pid: child.pid, startTime: child.startTime, pidfd };
    } catch (error) {
      const group = this.#running().filter((process) => process.group === child.pid);
      for (const process of group) this.#machine.processes.end(process, { code: null, signal: "SIGKILL" });
      this.#machine.processes.reap(child);
      throw error;
    }
  }

  #mayLackDescriptors(what: string): void {
    const { random, isQuiet } = this.#machine;
    if (isQuiet || !random.chance(shares.noDescriptor)) return;
    throw new LaresError("io", `Cannot ${what}: EMFILE`);
  }
}
