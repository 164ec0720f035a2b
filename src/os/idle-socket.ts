import { asIoError, closeFd } from "./descriptors.ts";
import { check, libc, O_CLOEXEC } from "./libc.ts";
import { AF_UNIX } from "./socket-address.ts";
import { SOCK_DGRAM, SOL_SOCKET } from "./sockets.ts";

const SO_RCVTIMEO = 20;

/**
 * Opens a socket on which nothing ever comes: reading from it takes some time, and fails. For a shell that has to wait and
 * cannot start `sleep`. It is handed down by exec.
 *
 * @param fd The number it gets; what has that number is closed.
 */
export function openIdleSocket(fd: number, waitMs: number): void {
  asIoError("open a socket to wait on", () => {
    const opened = check("socket", libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0));
    const timeval = Buffer.alloc(16);
    timeval.writeBigInt64LE(BigInt(Math.floor(waitMs / 1000)), 0);
    timeval.writeBigInt64LE(BigInt((waitMs % 1000) * 1000), 8);
    check("setsockopt", libc.setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, timeval, timeval.length));
    check("dup2", libc.dup2(opened, fd));
    closeFd(opened);
  });
}
