/** Choosing, in the kernel, which of several listeners on one port gets a connection. */
import {
  attachProgram,
  type Instruction,
  JUMP,
  JUMP_IF_EQUAL,
  LOAD_HALF,
  LOAD_WORD,
  MODULO,
  RETURN_ACCUMULATOR,
  RETURN_CONSTANT,
} from "./classic-bpf.ts";
import { asIoError } from "./descriptors.ts";
import { setOption } from "./sockets.ts";

const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_DETACH_REUSEPORT_BPF = 68;

/** `SKF_AD_OFF + SKF_AD_RANDOM`: loading from here gives a random number. */
const RANDOM = -0x1000 + 56;
/** `SKF_AD_OFF + SKF_AD_PROTOCOL`: which protocol is in the frame. */
const PROTOCOL = -0x1000;
const ETH_P_IP = 0x0800;
/** `SKF_NET_OFF`, then past an IP header without options: the source port comes first in TCP. */
const SOURCE_PORT_OVER_IPV4 = -0x100000 + 20;
const SOURCE_PORT_OVER_IPV6 = -0x100000 + 40;
/** No listener has this position, so the kernel falls back to its hash. */
const BY_HASH = -1;

/**
 * Spreads new connections evenly and at random over some listeners of a `SO_REUSEPORT` group. Takes effect for the whole
 * group at once and needs no privilege. Connections that are queued already stay where they are.
 *
 * @param fd Any listener of the group.
 * @param liveIndices Positions in the order of binding, at most 2,000. Closing a listener moves the last one into its
 *   place. One that is named twice gets twice as many. Empty: the kernel's own hash over all of them.
 * @param reserved Ports from which connections go to one listener in particular, by its position.
 */
export function steerReuseport(
  fd: number,
  liveIndices: readonly number[],
  reserved: readonly (readonly [sourcePort: number, index: number])[] = [],
): void {
  asIoError("steer connections", () => {
    if (liveIndices.length === 0 && reserved.length === 0) detach(fd);
    else attachProgram(fd, SO_ATTACH_REUSEPORT_CBPF, [...reservations(reserved), ...steeringProgram(liveIndices)]);
  });
}

function reservations(reserved: Parameters<typeof steerReuseport>[2] = []): Instruction[] {
  if (reserved.length === 0) return [];
  return [
    [LOAD_WORD, 0, 0, PROTOCOL],
    [JUMP_IF_EQUAL, 0, 2, ETH_P_IP],
    [LOAD_HALF, 0, 0, SOURCE_PORT_OVER_IPV4],
    [JUMP, 0, 0, 1],
    [LOAD_HALF, 0, 0, SOURCE_PORT_OVER_IPV6],
    ...reserved.flatMap(([port, index]): Instruction[] => [
      [JUMP_IF_EQUAL, 0, 1, port],
      [RETURN_CONSTANT, 0, 0, index],
    ]),
  ];
}

/** A random number below the count, then a table from that to the index; indices 0, 1, 2, … need no table. */
function steeringProgram(live: readonly number[]): Instruction[] {
  if (live.length === 0) return [[RETURN_CONSTANT, 0, 0, BY_HASH]];
  const pick: Instruction[] = [
    [LOAD_WORD, 0, 0, RANDOM],
    [MODULO, 0, 0, live.length],
  ];
  if (live.every((index, position) => index === position)) return [...pick, [RETURN_ACCUMULATOR, 0, 0, 0]];
  const table = live.flatMap((index, position): Instruction[] => [
    [JUMP_IF_EQUAL, 0, 1, position],
    [RETURN_CONSTANT, 0, 0, index],
  ]);
  return [...pick, ...table, [RETURN_CONSTANT, 0, 0, live[0] ?? 0]];
}

/** Without a program there is nothing to detach, and the kernel says ENOENT: that is what was wanted. */
function detach(fd: number): void {
  try {
    setOption(fd, SO_DETACH_REUSEPORT_BPF, 0);
  } catch {}
}
