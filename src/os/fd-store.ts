/** A pair of sockets in whose queue the kernel keeps descriptors for as long as anybody has the pair open. */
import { LaresError } from "../core/errors.ts";
import { asIoError } from "./descriptors.ts";
import { check, libc } from "./libc.ts";
import { DESCRIPTORS_MAX, MessageReceiver, sendMessage } from "./messages.ts";
import { AF_UNIX } from "./socket-address.ts";
import { SOCK_SEQPACKET, setOption } from "./sockets.ts";

const SO_SNDBUFFORCE = 32;
const WANTED_QUEUE_BYTES = 64 * 1024 * 1024;
/** No message can be longer than the send buffer that an unprivileged process has by default. */
const MESSAGE_BYTES_MAX = 208 * 1024;

/**
 * Creates the pair, left open across exec. What is sent into the first is received from the second.
 *
 * It queues 278 messages; with root's permission to enlarge it more than 20,000. Without that permission the
 * descriptors in flight also count against the user's limit of open files.
 */
export function createStorePair(): [number, number] {
  return asIoError("create the descriptor store", () => {
    const ends = Buffer.alloc(8);
    check("socketpair", libc.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
    const pair: [number, number] = [ends.readInt32LE(0), ends.readInt32LE(4)];
    try {
      setOption(pair[0], SO_SNDBUFFORCE, WANTED_QUEUE_BYTES);
    } catch {
      // Only root may; the default will do for batches.
    }
    return pair;
  });
}

/**
 * Parks up to 253 descriptors and the bytes that say what they are. Ours stay open.
 *
 * @param data Not empty: an empty message could not be told from the end.
 * @returns false when the queue is full.
 */
export function sendFds(fd: number, data: Buffer, fds: readonly number[]): boolean {
  if (data.length === 0 || data.length > MESSAGE_BYTES_MAX || fds.length > DESCRIPTORS_MAX) {
    const size = `${data.length} bytes and ${fds.length} descriptors`;
    throw new LaresError(
      "io",
      `Cannot park a message: it has ${size}, and the limit is 1 to ${MESSAGE_BYTES_MAX} and 253`,
    );
  }
  return sendMessage(fd, { data, fds });
}

/** A message out of the store. */
export interface ParkedMessage {
  readonly data: Buffer;
  /** Closed on exec, and the receiver's to close. */
  readonly fds: number[];
  /** Descriptors are missing: the limit of open files of this process was reached (see `raiseFileLimit`). */
  readonly truncated: boolean;
}

let receiver: MessageReceiver | undefined;

/**
 * Takes the oldest message out of the queue; undefined when it is empty.
 *
 * @param options `peek` leaves the message in the queue and gives copies of its descriptors.
 */
export function receiveFds(fd: number, options: { readonly peek?: boolean } = {}): ParkedMessage | undefined {
  receiver ??= new MessageReceiver(MESSAGE_BYTES_MAX);
  const message = receiver.receive(fd, options);
  return message === undefined || message.data.length === 0 ? undefined : message;
}
