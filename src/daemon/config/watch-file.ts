/** Notices every way in which a file gets other content. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/**
 * Calls back some time after a file has changed: written in place, replaced by rename, or reached through a symlink that
 * was swapped, as Kubernetes does.
 *
 * The directory is watched, since a watch on the file goes deaf at the first rename; and every `pollMs` the file is
 * looked at, since a symlink may lead anywhere, and network file systems say nothing.
 */
export function watchFile(
  file: string,
  options: { readonly onChange: () => void; readonly pollMs: number; readonly settleMs?: number },
): Disposable {
  const { onChange, pollMs, settleMs = 50 } = options;
  let seen = identify(file);
  let settling: NodeJS.Timeout | undefined;
  const look = () => {
    settling = undefined;
    const found = identify(file);
    // Between the two steps of a replacement there may be nothing: what was seen stays.
    if (found === undefined || found === seen) return;
    seen = found;
    onChange();
  };
  // An editor makes several events of one save.
  const settle = () => {
    settling ??= setTimeout(look, settleMs).unref();
  };
  const watcher = tryToWatch(dirname(file), settle);
  const poll = setInterval(look, pollMs).unref();
  return {
    [Symbol.dispose]: () => {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}

/** Inotify instances may be used up: the poll remains. */
function tryToWatch(directory: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function identify(file: string): string | undefined {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`;
}
