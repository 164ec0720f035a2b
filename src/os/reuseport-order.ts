/**
 * Finding out in which order the kernel counts the listeners of a port.
 *
 * It counts them as they were bound, and moves the last one into the gap when one is closed. Who was not there when one
 * was closed cannot know. So it is asked: every listener is told to drop what comes from one port of ours, a connection
 * from that port is steered to one position after another, and the listener that counts a dropped packet is the one there.
 * No program notices: the packet is gone before a connection is made.
 */
import { attachProgram, type Instruction, JUMP_IF_EQUAL, LOAD_HALF, RETURN_CONSTANT } from "./classic-bpf.ts";
import { asIoError, closeFd } from "./descriptors.ts";
import { check, libc, O_CLOEXEC } from "./libc.ts";
import { steerReuseport } from "./reuseport.ts";
import { boundAddress, encodeTcpAddress, type TcpAddress } from "./socket-address.ts";
import { getOption, orClose, SO_REUSEADDR, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, setOption } from "./sockets.ts";

const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;
const SO_MEMINFO = 55;
const OFFSET_MEMINFO_DROPS = 32;
const MEMINFO_BYTES = 36;
/** How long a packet may take on its way through the loopback interface when the machine is busy. */
const patienceMs = 50;

/**
 * Sorts listeners of one port by their position.
 *
 * @param live Positions as they are believed to be: other connections are spread over these meanwhile.
 * @returns the listeners in order; those that could not be found come last
 */
export function orderReuseport(fds: readonly number[], live: readonly number[]): readonly number[] {
  const [first] = fds;
  if (first === undefined) return fds;
  return asIoError("ask for the order of listeners", () => {
    const target = encodeTcpAddress(reachable(boundAddress(first)));
    const from = freePort(target);
    for (const fd of fds) attachProgram(fd, SO_ATTACH_FILTER, droppingAllFrom(from));
    try {
      const found = fds.flatMap((_, position) => {
        steerReuseport(first, live, [[from, position]]);
        return listenerReached(fds, () => knock(target, from)) ?? [];
      });
      return [...new Set([...found, ...fds])];
    } finally {
      for (const fd of fds) setOption(fd, SO_DETACH_FILTER, 0);
    }
  });
}

/** The packet begins with the port that it comes from. */
function droppingAllFrom(port: number): readonly Instruction[] {
  return [
    [LOAD_HALF, 0, 0, 0],
    [JUMP_IF_EQUAL, 0, 1, port],
    [RETURN_CONSTANT, 0, 0, 0],
    [RETURN_CONSTANT, 0, 0, -1],
  ];
}

/** Which of the listeners has dropped what `knock` sends. */
function listenerReached(fds: readonly number[], knock: () => number): number | undefined {
  const before = fds.map(dropsOf);
  const socket = knock();
  try {
    for (const deadline = performance.now() + patienceMs; performance.now() < deadline; ) {
      const reached = fds.find((fd, index) => dropsOf(fd) !== before[index]);
      if (reached !== undefined) return reached;
    }
    return undefined;
  } finally {
    closeFd(socket);
  }
}

/** Begins a connection that will never be made. */
function knock(target: Buffer, from: number): number {
  return bound(target, from, (fd) => {
    // In progress, and it stays so.
    libc.connect(fd, target, target.length);
    return fd;
  });
}

function freePort(target: Buffer): number {
  return bound(target, 0, (fd) => {
    const { port } = boundAddress(fd);
    closeFd(fd);
    return port;
  });
}

/** A socket of the target's family, bound to a port on every address. */
function bound(target: Buffer, port: number, act: (fd: number) => number): number {
  const fd = check("socket", libc.socket(target.readUInt16LE(0), SOCK_STREAM | SOCK_NONBLOCK | O_CLOEXEC, 0));
  return orClose(fd, () => {
    const own = Buffer.alloc(target.length);
    target.copy(own, 0, 0, 2);
    own.writeUInt16BE(port, 2);
    setOption(fd, SO_REUSEADDR, 1);
    check("bind", libc.bind(fd, own, own.length));
    return act(fd);
  });
}

function dropsOf(fd: number): number {
  const name = { level: SOL_SOCKET, name: SO_MEMINFO, bytes: MEMINFO_BYTES };
  return getOption(fd, name).readUInt32LE(OFFSET_MEMINFO_DROPS);
}

/** From this machine a socket for every address is reached on the loopback interface. */
function reachable({ host, port }: TcpAddress): TcpAddress {
  return { host: host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host, port };
}
