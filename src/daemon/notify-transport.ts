/** Ways to get a datagram to `$NOTIFY_SOCKET`: Node has no Unix datagram sockets of its own. */
import { spawnSync } from "node:child_process";
import { LaresError } from "../core/errors.ts";

export type SendText = (payload: string) => void;

/**
 * Opens the best way that this host has.
 *
 * @param address As in `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
 * @throws LaresError `not_supported` when neither koffi nor `systemd-notify` can be used.
 */
export async function openNotifyTransport(address: string): Promise<SendText> {
  if (!/^[/@]./.test(address)) {
    throw new LaresError("not_supported", `Cannot notify "${address}": only paths and abstract sockets are known`, {
      hint: "Let the service manager set NOTIFY_SOCKET to a path.",
    });
  }
  try {
    return await openSocket(address);
  } catch (cause) {
    if (spawnSync("systemd-notify", ["--version"], { stdio: "ignore" }).status === 0) return sendByCommand(address);
    throw new LaresError("not_supported", `Cannot notify "${address}": koffi and systemd-notify are both missing`, {
      hint: "Install koffi's binary for this platform, or the systemd-notify command.",
      cause,
    });
  }
}

/** One connected socket for the life of the process; a receiver that restarts at the same path is connected to anew. */
async function openSocket(address: string): Promise<SendText> {
  const { libc, check, O_CLOEXEC } = await import("../os/libc.ts");
  const { AF_UNIX, encodeUnixAddress } = await import("../os/socket-address.ts");
  const { SOCK_DGRAM } = await import("../os/sockets.ts");
  const { sendMessage } = await import("../os/messages.ts");
  const name = encodeUnixAddress(address.startsWith("@") ? `\0${address.slice(1)}` : address);
  // An abstract name has no closing NUL: it would be part of the name.
  const socketName = address.startsWith("@") ? name.subarray(0, -1) : name;
  const fd = check("socket", libc.socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0));
  const connect = () => check("connect", libc.connect(fd, socketName, socketName.length));
  connect();
  return (payload) => {
    const data = Buffer.from(payload);
    try {
      sendMessage(fd, { data, fds: [] });
    } catch {
      connect();
      sendMessage(fd, { data, fds: [] });
    }
  };
}

/** Synchronously, since messages have an order. It sends with its parent's pid if it may, so with ours. */
function sendByCommand(address: string): SendText {
  const env = { ...process.env, NOTIFY_SOCKET: address };
  return (payload) => {
    spawnSync("systemd-notify", ["--no-block", ...payload.trimEnd().split("\n")], { env, stdio: "ignore" });
  };
}
