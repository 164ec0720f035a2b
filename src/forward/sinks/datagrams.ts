import { connectDatagram, type Sent, sendDatagram, whenWritable } from "../../os/datagram-socket.ts";
import { closeFd } from "../../os/descriptors.ts";

/** A connected Unix datagram socket that waits while the other side's queue is full. What it took is the kernel's to keep. */
export class Datagrams {
  readonly #fd: number;

  /** @throws LaresError `io` */
  constructor(path: string) {
    this.#fd = connectDatagram(path);
  }

  /** @param tooLarge what to do with a datagram that is too large; without it that is an error */
  async send(
    datagrams: Iterable<Buffer>,
    signal: AbortSignal,
    tooLarge?: (fd: number, datagram: Buffer) => Sent,
  ): Promise<void> {
    for (const datagram of datagrams) {
      const sendOnce = () => {
        const sent = sendDatagram(this.#fd, datagram);
        return sent === "too_large" && tooLarge !== undefined ? tooLarge(this.#fd, datagram) : sent;
      };
      let sent = sendOnce();
      for (; sent === "full"; sent = sendOnce()) {
        if (signal.aborted) throw new Error("its queue stayed full for too long");
        await whenWritable(this.#fd, signal);
      }
      if (sent === "too_large") throw new Error(`it takes no datagram of ${datagram.length} bytes`);
    }
  }

  close(): void {
    closeFd(this.#fd);
  }
}
