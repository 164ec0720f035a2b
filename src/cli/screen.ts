import { setTimeout as sleep } from "node:timers/promises";

const enter = "\u001b[?1049h\u001b[?25l\u001b[2J";
const leave = "\u001b[?25h\u001b[?1049l";

/** What a live view shows, and how often. */
export interface View {
  readonly refreshMs: number;
  /** The lines to show now; no more than the screen has. */
  readonly draw: () => Promise<readonly string[]>;
}

/** Takes the whole terminal for a live view until `q`, Ctrl-C or a signal, and gives it back as it was. */
export async function withScreen(view: View): Promise<void> {
  const { stdin, stdout } = process;
  const ended = new AbortController();
  const end = () => ended.abort();
  const onKey = (key: Buffer) => {
    // In raw mode Ctrl-C, Ctrl-D and Escape are bytes like any other.
    if (["q", "Q", "\u0003", "\u0004", "\u001b"].includes(key.toString("latin1"))) end();
  };
  let shown: readonly string[] = [];
  // The terminal has moved its lines about: nothing of what was shown can be relied on.
  const redraw = () => {
    shown = [];
    stdout.write("\u001b[2J");
  };
  stdin.setRawMode(true).on("data", onKey).resume();
  stdout.on("resize", redraw);
  process.on("SIGTERM", end).on("SIGHUP", end);
  stdout.write(enter);
  try {
    while (!ended.signal.aborted) {
      const lines = await view.draw();
      stdout.write(difference(shown, lines));
      shown = lines;
      await sleep(view.refreshMs, undefined, { signal: ended.signal }).catch(() => {});
    }
  } finally {
    stdout.write(leave);
    stdout.off("resize", redraw);
    stdin.off("data", onKey).setRawMode(false).pause();
    process.off("SIGTERM", end).off("SIGHUP", end);
  }
}

/**
 * The escape sequences that turn one screen into another: only lines that differ are written, so that nothing flickers
 * and a slow connection has little to carry.
 */
export function difference(before: readonly string[], after: readonly string[]): string {
  let sequences = "";
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const line = after[row] ?? "";
    if (before[row] !== line) sequences += `\u001b[${row + 1};1H\u001b[2K${line}`;
  }
  return sequences;
}
