import { openSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { LaresError } from "../core/errors.ts";
import type { ServiceSpec } from "../core/spec.ts";
import { look } from "../logs/look.ts";
import {
  createGroup,
  findCgroupRoot,
  groupPids,
  groupPopulated,
  killGroup,
  removeGroup,
  setLimits,
} from "../os/cgroups.ts";
import { closeFd } from "../os/descriptors.ts";
import { bindNotify, receiveNotify } from "../os/notify-socket.ts";
import { exitOf, openPidfd, reap, signalPidfd } from "../os/pidfd.ts";
import { createPipe, openBothWays, readNow, reopenPipe } from "../os/pipes.ts";
import { watch } from "../os/poll.ts";
import { monotonicMs, raiseFileLimit } from "../os/process-control.ts";
import {
  allPids,
  childrenOf,
  environmentOf,
  findTagged,
  parentOf,
  pgrpOf,
  sessionOf,
  startTimeOf,
} from "../os/processes.ts";
import { spawn } from "../os/spawn.ts";
import { lookupUser, type User } from "../os/users.ts";
import { descendantsOf, GroupEntry } from "./group-entry.ts";
import type { Kernel, Launch, NotifyDatagram, Remains, Spawned } from "./kernel.ts";
import { LargePipes } from "./large-pipes.ts";
import { openMarks } from "./start-marks.ts";

/** Descriptors that no program may take: for commands, log files, the journal, and to get everything back after a death. */
const reservedFilesMax = 64;

export interface LinuxKernelOptions {
  /** Names this supervisor's cgroups among those of others. */
  readonly homeId: string;
  /** Where each process leaves a mark when it is started. */
  readonly marksDirectory: string;
  /** Where orphans of instances end up. */
  readonly keeperPid: () => number;
  /** A limit that this host cannot enforce, once for each. */
  readonly onNotEnforced: (service: string, sentence: string) => void;
}

/** The real machine. */
export function linuxKernel(options: LinuxKernelOptions): Kernel & { readonly cgroupRoot: string | undefined } {
  const groups = cgroupsOf(options);
  const entry = new GroupEntry();
  const marks = openMarks(options.marksDirectory);
  const leftovers = (remains: Remains) => {
    const inGroup = remains.group !== undefined && groupPopulated(remains.group) ? groupPids(remains.group) : [];
    const isWhole = remains.group !== undefined && !entry.isUnderWay(remains.group);
    return isWhole ? inGroup : [...inGroup, ...orphansOf(remains, options.keeperPid())];
  };
  const nullFd = openSync("/dev/null", "r+");
  const largePipes = new LargePipes({ unbounded: process.getuid?.() === 0, nowMs: monotonicMs });
  const filesMax = raiseFileLimit();
  const filesForPrograms = filesMax - Math.min(reservedFilesMax, Math.ceil(filesMax / 4));
  return {
    cgroupRoot: groups.root,
    // Whole milliseconds: what is journalled and shown is no finer.
    nowMs: () => Math.floor(monotonicMs()),
    later(delayMs, act) {
      if (delayMs <= 0) {
        const turn = setImmediate(act);
        return () => clearImmediate(turn);
      }
      const timer = setTimeout(act, delayMs);
      return () => clearTimeout(timer);
    },
    close: closeFd,
    createPipe() {
      const sizeBytes = largePipes.next();
      const { readEnd, writeEnd } = createPipe(sizeBytes === undefined ? {} : { sizeBytes });
      // The kernel gives the lowest number that is free.
      if (writeEnd >= filesForPrograms) {
        closeFd(readEnd);
        closeFd(writeEnd);
        throw tooManyFiles(filesMax);
      }
      return { readEnd, writeEnd: openBothWays(writeEnd) };
    },
    reopenPipe,
    bindNotify(path, access) {
      if ("mode" in access) return bindNotify(path, access);
      const user = userOf(access.spec);
      return bindNotify(path, { mode: 0o600, ...(user && { uid: user.uid, gid: user.gid }) });
    },
    removeNotify(path) {
      try {
        unlinkSync(path);
      } catch {
        // Somebody else tidied up.
      }
    },
    receiveNotify: receiveNotification,
    watch: (fd, onReadable) => watch(fd, { readable: true }, onReadable),
    read(fd) {
      const buffer = Buffer.allocUnsafe(4096);
      const length = readNow(fd, buffer);
      return length < 0 ? undefined : buffer.subarray(0, length);
    },
    look(fd) {
      const bytes = look(fd, 4096);
      if (bytes === undefined) return Buffer.alloc(0);
      return bytes.length === 0 ? undefined : bytes;
    },
    spawn(launch) {
      const spawned = held(start(launch, { nullFd, marksFd: marks.fd, limit: groups.limit }));
      if (launch.group !== undefined && !isLimited(launch.spec)) entry.begin(launch.group, spawned);
      return spawned;
    },
    wasStarted: marks.has,
    marks: marks.all,
    removeMark: marks.remove,
    startTimeOf,
    openPidfd,
    signal: signalPidfd,
    exitOf(pidfd, pid) {
      const own = reap(pid);
      if (own === undefined) return "running";
      if (own !== "not_child") return own;
      const other = exitOf(pidfd);
      // Reaped by the keeper between the two questions: the pidfd has the answer now.
      return other === "unknown" ? exitOf(pidfd) : other;
    },
    tagOf: (pid) => environmentOf(pid)?.get("LARES_INSTANCE"),
    sessionOf,
    findTagged: (tag) => findTagged("LARES_INSTANCE", tag),
    tagsOf,
    createGroup: groups.create,
    limitGroup: groups.limit,
    removeGroup(group) {
      removeGroup(group);
    },
    hasLeftovers: (remains) => leftovers(remains).length > 0,
    signalLeftovers(remains, signal) {
      if (remains.group !== undefined && signal === "SIGKILL") killGroup(remains.group);
      for (const pid of leftovers(remains)) signalQuietly(pid, signal);
    },
    membersOf({ process: main, group }) {
      if (group !== undefined && !entry.isUnderWay(group)) return groupPids(group);
      return main ? descendantsOf(main.pid) : [];
    },
    isPartOf,
  };
}

/** The user a service runs as; undefined is the supervisor's own. */
export function userOf({ user, group }: ServiceSpec): User | undefined {
  if (user === undefined && group === undefined) return undefined;
  const key = `${user}:${group}`;
  const known = users.get(key);
  if (known && known.untilMs > Date.now()) return known.user;
  const found = lookupUser(user ?? String(process.getuid?.()), group);
  users.set(key, { user: found, untilMs: Date.now() + 10_000 });
  return found;
}

/** Asking the C library may mean asking a directory server. */
const users = new Map<string, { readonly user: User; readonly untilMs: number }>();

interface StartContext {
  readonly nullFd: number;
  readonly marksFd: number;
  readonly limit: (group: string, spec: ServiceSpec) => void;
}

function start(launch: Launch, { nullFd, marksFd, limit }: StartContext): number {
  const { spec, argv, env, fds, group, listenPid } = launch;
  const user = userOf(spec);
  // Limits hold from the first instruction on; where there are none the program does not wait for its group.
  const limited = isLimited(spec) ? group : undefined;
  if (limited !== undefined) limit(limited, spec);
  const { files, coreBytes } = spec.limits;
  return spawn({
    file: argv[0] ?? "",
    argv,
    directory: spec.directory,
    env,
    fds: [nullFd, ...fds],
    ...(user && { identity: user }),
    ...(spec.umask !== undefined && { umask: spec.umask }),
    ...(spec.nice !== undefined && { nice: spec.nice }),
    limits: { ...(files !== undefined && { files }), ...(coreBytes !== undefined && { coreBytes }) },
    ...(limited !== undefined && { cgroupProcs: join(limited, "cgroup.procs") }),
    listenPid,
    mark: { directoryFd: marksFd, name: launch.mark },
  });
}

function tooManyFiles(filesMax: number): LaresError {
  return new LaresError("spawn_failed", `Cannot start another program: the limit of ${filesMax} open files is near`, {
    hint: "Raise the supervisor's hard limit, with `ulimit -Hn` or `LimitNOFILE=` of its unit, and start it again.",
  });
}

/** Nobody else reaps our child, so that its pid means it for as long as we have not asked how it ended. */
function held(pid: number): Spawned {
  try {
    const pidfd = openPidfd(pid);
    const startTime = startTimeOf(pid);
    if (pidfd !== undefined && startTime !== undefined) return { pid, startTime, pidfd };
    if (pidfd !== undefined) closeFd(pidfd);
    throw new LaresError("spawn_failed", `Cannot watch process ${pid}: its start time cannot be read`);
  } catch (error) {
    signalQuietly(-pid, "SIGKILL");
    signalQuietly(pid, "SIGKILL");
    throw error;
  }
}

function receiveNotification(fd: number, options: { readonly peek: boolean }): NotifyDatagram | undefined {
  const message = receiveNotify(fd, options);
  if (!message) return undefined;
  // Nothing is kept, and BARRIER=1 waits for exactly this.
  for (const passed of message.fds) closeFd(passed);
  const { data, truncated, credentials, fds } = message;
  return { data, truncated, descriptors: fds.length, ...(credentials && { credentials }) };
}

/** What is left of a run outside of its cgroup: of its process group, and orphans that carry its tag. */
function orphansOf({ pid, startTime, tag }: Remains, keeperPid: number): readonly number[] {
  // The kernel gives out no pid that is in use as a group: if somebody else has it, nothing of the group is left.
  const leader = pid > 0 ? startTimeOf(pid) : undefined;
  const isGroupOurs = pid > 0 && (leader === undefined || leader === startTime);
  const orphans = [...childrenOf(keeperPid), ...childrenOf(1)];
  return orphans.filter((orphan) => {
    const its = environmentOf(orphan)?.get("LARES_INSTANCE");
    // Without a tag the group has to do; with another one it is of a run that got the number of ours.
    return its === tag || (its === undefined && isGroupOurs && pgrpOf(orphan) === pid);
  });
}

function tagsOf(homeId: string): Map<string, number[]> {
  const tags = new Map<string, number[]>();
  for (const pid of allPids()) {
    const tag = environmentOf(pid)?.get("LARES_INSTANCE");
    if (tag?.endsWith(`@${homeId}`)) tags.set(tag, [...(tags.get(tag) ?? []), pid]);
  }
  return tags;
}

function isPartOf(pid: number, { pid: main, tag, group }: Remains): boolean {
  if (group !== undefined && groupPids(group).includes(pid)) return true;
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parentOf(at)) if (at === main) return true;
  return environmentOf(pid)?.get("LARES_INSTANCE") === tag;
}

function signalQuietly(pid: number, signal: string): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

function cgroupsOf({ homeId, onNotEnforced }: LinuxKernelOptions) {
  const found = findCgroupRoot();
  const root = found && join(found.path, `lares-${homeId}`);
  return {
    root,
    create(name: string): string | undefined {
      if (root === undefined) return undefined;
      try {
        createGroup(join(root, name));
        return join(root, name);
      } catch (error) {
        if (!(error instanceof LaresError)) throw error;
        return undefined;
      }
    },
    limit(group: string, spec: ServiceSpec): void {
      for (const { limit, reason } of setLimits(group, spec.limits)) {
        onNotEnforced(spec.name, `limits.${limitKeys[limit]}: ${reason}`);
      }
    },
  };
}

/** As the configuration calls them. */
const limitKeys = { memoryBytes: "memory", memorySoftBytes: "memory_soft", cpuPercent: "cpu", pids: "pids" } as const;

function isLimited({ limits }: ServiceSpec): boolean {
  return Object.keys(limitKeys).some((key) => limits[key as keyof typeof limitKeys] !== undefined);
}
