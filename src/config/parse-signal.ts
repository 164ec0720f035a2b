import { constants } from "node:os";

/** Every signal name of this system, `SIGHUP` first. */
export const signalNames: readonly string[] = Object.keys(constants.signals);

/**
 * Reads the name of a signal, with or without `SIG`, in any case.
 *
 * @returns the name as kill(1) lists it with its prefix (`SIGTERM`), or undefined when there is no such signal
 */
export function parseSignal(text: string): string | undefined {
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  return signalNames.includes(name) ? name : undefined;
}
