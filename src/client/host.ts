import { readFileSync, statfsSync, statSync } from "node:fs";
import { release, userInfo } from "node:os";
import { findCgroupRoot } from "../os/cgroups.ts";
import { koffi } from "../os/libc.ts";
import { closeFd, createPipe } from "../os/pipes.ts";
import { fitsSocketAddress } from "../os/socket-address.ts";
import type { Homes } from "../protocol/homes.ts";
import { isWritable, nearestExisting } from "./paths.ts";

/** One thing that this host can, half can, or cannot do. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  /** What was looked at, in a word or two. */
  readonly what: string;
  readonly found: string;
  /** What to do about it, in one sentence. */
  readonly hint?: string;
}

/** Looks at everything that Lares needs of its host. Nothing is changed. */
export function probeHost(homes: Homes): readonly Finding[] {
  const probes: Readonly<Record<string, () => Omit<Finding, "what">>> = {
    "node.js": probeNode,
    kernel: probeKernel,
    koffi: probeKoffi,
    "cgroup v2": probeCgroup,
    pipes: probePipes,
    "open files": probeFileLimit,
    "run directory": () => probeDirectory(homes.run),
    "state directory": () => probeDirectory(homes.state),
    "log directory": () => probeDirectory(homes.log),
    "log disk": () => probeDisk(homes.log),
    socket: () => probeSocketPath(homes.socket),
    session: probeSession,
  };
  return Object.entries(probes).map(([what, probe]) => ({ what, ...attempt(probe) }));
}

/** A probe that breaks is itself a finding. */
function attempt(probe: () => Omit<Finding, "what">): Omit<Finding, "what"> {
  try {
    return probe();
  } catch (error) {
    return { level: "fail", found: error instanceof Error ? error.message : String(error) };
  }
}

function probeNode(): Omit<Finding, "what"> {
  return { level: "ok", found: `${process.versions.node} (${process.execPath})` };
}

function probeKernel(): Omit<Finding, "what"> {
  const version = release();
  const [major = 0, minor = 0] = version.split(".").map(Number.parseFloat);
  if (major * 1000 + minor >= 6015) return { level: "ok", found: version };
  if (major * 1000 + minor >= 5003) {
    return {
      level: "warn",
      found: `${version}: exit codes of programs that end while no supervisor runs are unknown`,
      hint: "Use Linux 6.15 or newer if they matter.",
    };
  }
  return { level: "fail", found: `${version}: it has no pidfds`, hint: "Use Linux 5.3 or newer." };
}

function probeKoffi(): Omit<Finding, "what"> {
  return { level: "ok", found: `${koffi().version}, loaded` };
}

function probeCgroup(): Omit<Finding, "what"> {
  const root = findCgroupRoot();
  if (root === undefined) {
    return {
      level: "warn",
      found:
        "no writable group: memory, cpu and pids limits are not enforced, and a process may escape a stop by setsid",
      hint: "Run Lares as root, or under a systemd unit with `Delegate=yes`.",
    };
  }
  const missing = ["memory", "cpu", "pids"].filter((controller) => !root.controllers.includes(controller));
  if (missing.length === 0) return { level: "ok", found: `${root.path} (${root.controllers.join(" ")})` };
  return {
    level: "warn",
    found: `${root.path} without ${missing.join(", ")}: such limits are not enforced`,
    hint: "Boot with `systemd.unified_cgroup_hierarchy=1`, or delegate these controllers.",
  };
}

function probePipes(): Omit<Finding, "what"> {
  const wanted = 1024 * 1024;
  const pipe = createPipe({ sizeBytes: wanted });
  closeFd(pipe.readEnd);
  closeFd(pipe.writeEnd);
  if (pipe.sizeBytes >= wanted) return { level: "ok", found: "1 MiB each" };
  return {
    level: "warn",
    found: `${pipe.sizeBytes} bytes each: a program that writes much waits for its supervisor more often`,
    hint: "Raise /proc/sys/fs/pipe-max-size and /proc/sys/fs/pipe-user-pages-soft.",
  };
}

function probeFileLimit(): Omit<Finding, "what"> {
  const [, , hard = "0"] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  const files = hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
  // An instance takes about six: two log pipes, a pidfd, a listener, its notify socket and the log files.
  if (files >= 16_384) return { level: "ok", found: hard };
  return {
    level: "warn",
    found: `${hard}: enough for some ${Math.floor(files / 8)} instances`,
    hint: "Raise the hard limit, with `ulimit -Hn` or `LimitNOFILE=` of the unit.",
  };
}

function probeDirectory(path: string): Omit<Finding, "what"> {
  const existing = nearestExisting(path);
  if (isWritable(existing)) return { level: "ok", found: existing === path ? path : `${path} (will be made)` };
  return {
    level: "fail",
    found: `${path}: "${existing}" cannot be written`,
    hint: "Name a home of your own with `--home DIR`.",
  };
}

function probeDisk(path: string): Omit<Finding, "what"> {
  const { bavail, blocks } = statfsSync(nearestExisting(path));
  const percent = Math.round((bavail / Math.max(1, blocks)) * 100);
  if (percent >= 5) return { level: "ok", found: `${percent} % free` };
  return { level: "warn", found: `${percent} % free`, hint: "Free some space, or lower `log.total` of your services." };
}

function probeSocketPath(path: string): Omit<Finding, "what"> {
  if (fitsSocketAddress(path)) return { level: "ok", found: path };
  return {
    level: "warn",
    found: `${path}: longer than a socket address; other programs cannot connect to it`,
    hint: "Name a home with a shorter path with `--home DIR`.",
  };
}

/** Without lingering, systemd-logind ends everything of a user, supervisor included, with the last session. */
function probeSession(): Omit<Finding, "what"> {
  const { uid, username } = userInfo();
  if (uid === 0) return { level: "ok", found: "root: outlives every login" };
  const logind = statSync("/run/systemd/system", { throwIfNoEntry: false }) !== undefined;
  if (!logind) return { level: "ok", found: `${username}: no systemd ends it with the session` };
  if (statSync(`/var/lib/systemd/linger/${username}`, { throwIfNoEntry: false })) {
    return { level: "ok", found: `${username} lingers: outlives every login` };
  }
  return {
    level: "warn",
    found: `${username} does not linger: systemd may end everything at logout`,
    hint: `Run \`loginctl enable-linger ${username}\`.`,
  };
}
