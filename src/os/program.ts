/** Finding a program, and saying exactly why it cannot be run. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { LaresError } from "../core/errors.ts";
import { SystemError } from "./libc.ts";

/** What decides which file is run. */
export interface ProgramRequest {
  /** Looked up in `env.PATH` when it has no slash; otherwise relative to `directory`. */
  readonly file: string;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that cannot be run, however often one tries: something has to be changed first. */
export class NotRunnable extends LaresError {}

const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * The path of the program, absolute unless the request's has a slash. Asks with the real user id of the calling
 * thread, so within `withIdentity` it asks as that user.
 *
 * @throws LaresError `spawn_failed` when nothing in PATH can be run.
 */
export function findProgram(request: ProgramRequest): string {
  const { file, directory, env } = request;
  if (file.includes("/")) return file;
  const path = env.PATH ?? DEFAULT_PATH;
  let refused: string | undefined;
  for (const entry of path.split(":")) {
    const candidate = resolve(directory, entry, file);
    const state = stateOf(candidate);
    if (state === "runnable") return candidate;
    if (state === "refused") refused ??= candidate;
  }
  if (refused !== undefined) throw failure(file, `"${refused}" is not executable`, `Run \`chmod +x ${refused}\`.`);
  assertDirectory(request);
  throw failure(file, `it is in no directory of PATH (${path})`, "Install it, or name it by its absolute path.");
}

function stateOf(path: string): "runnable" | "refused" | "missing" {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return "missing";
    accessSync(path, constants.X_OK);
    return "runnable";
  } catch {
    return "refused";
  }
}

/**
 * Checks what `execve` would, for the cases where a shell stands between us and its errno.
 *
 * @throws LaresError `spawn_failed`
 */
export function assertRunnable(request: ProgramRequest, program: string): void {
  assertDirectory(request);
  const path = resolve(request.directory, program);
  const file = reachable(request.file, path);
  if (file.isDirectory()) throw failure(request.file, `"${path}" is a directory`, "Name the program inside it.");
  if (stateOf(path) !== "runnable") {
    throw failure(request.file, `"${path}" is not executable by this user`, `Run \`chmod +x ${path}\`.`);
  }
  assertFormat(request, path);
}

/** Says why `posix_spawn` failed: its errno means several things, so the file system is asked which. */
export function explainFailure(request: ProgramRequest, program: string, code: string): LaresError {
  const path = resolve(request.directory, program);
  const cause = new SystemError("posix_spawn", code);
  try {
    assertRunnable(request, program);
  } catch (error) {
    if (error instanceof LaresError) return new NotRunnable(error.code, error.message, { ...hintOf(error), cause });
  }
  const explanation = explanations[code];
  const state = explanation?.state.replace("%", path) ?? code;
  const Kind = explanation?.passes === false ? NotRunnable : LaresError;
  return new Kind("spawn_failed", sentence(request.file, state), { ...explanation, cause });
}

const explanations: Record<string, { state: string; hint: string; passes?: false }> = {
  ENOENT: {
    state: 'the interpreter that "%" names in its first line, or its loader, does not exist',
    hint: "Install that interpreter, or correct the first line of the file.",
    passes: false,
  },
  ENOEXEC: {
    state: '"%" is no program of this machine',
    hint: "Install the build for this architecture.",
    passes: false,
  },
  EACCES: {
    state: '"%" or its interpreter may not be executed',
    hint: "Check its mode, and whether its file system is mounted noexec.",
    passes: false,
  },
  E2BIG: { state: "the argument list and environment are too long", hint: "Pass long values in a file." },
  EAGAIN: {
    state: "the limit of processes is reached (EAGAIN)",
    hint: "Raise `pids` of the cgroup, or the user's limit with `ulimit -u`.",
  },
  ENOMEM: { state: "there is no memory for another process (ENOMEM)", hint: "Free memory, or add some." },
  EBADF: {
    state: "a descriptor that it should get is not open",
    hint: "Report this: it is a fault of the supervisor.",
  },
  ETXTBSY: { state: '"%" is being written to', hint: "Replace the file by renaming a finished one over it." },
};

function assertDirectory(request: ProgramRequest): void {
  const { file, directory } = request;
  const named = `its directory "${directory}"`;
  try {
    if (!statSync(directory).isDirectory()) throw failure(file, `${named} is a file`, "Name a directory.");
    accessSync(directory, constants.X_OK);
  } catch (error) {
    if (error instanceof LaresError) throw error;
    if (isMissing(error)) throw failure(file, `${named} does not exist`, `Run \`mkdir -p ${directory}\`.`);
    throw failure(file, `${named} may not be entered by this user`, `Run \`ls -ld ${directory}\` to see its mode.`);
  }
}

function reachable(file: string, path: string) {
  try {
    return statSync(path);
  } catch (error) {
    if (isMissing(error)) throw failure(file, `"${path}" does not exist`, "Correct the path of the program.");
    throw failure(file, `"${path}" cannot be reached by this user`, "Check the modes of the directories above it.");
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

/** As much of a file as the kernel looks at (BINPRM_BUF_SIZE). */
const HEAD_BYTES = 256;

/** A text file without `#!` is refused by the kernel, but a shell would quietly run it as a script of its own. */
function assertFormat({ file, directory }: ProgramRequest, path: string): void {
  const head = headOf(path);
  if (head === undefined || (!head.startsWith("#!") && head.includes("\0"))) return;
  if (!head.startsWith("#!")) {
    const state = `"${path}" is neither a binary nor a script with a #! line`;
    throw failure(file, state, "Write `#!/bin/sh` or the like into its first line.");
  }
  // A carriage return belongs to the name: files written on Windows name "/bin/sh\r".
  const interpreter = /^#![ \t]*([^ \t\n\0]+)[ \t\n\0]/.exec(head)?.[1];
  if (interpreter === undefined || stateOf(resolve(directory, interpreter)) !== "missing") return;
  const state = `"${path}" names the interpreter ${JSON.stringify(interpreter)}, which does not exist`;
  throw failure(file, state, "Install that interpreter, or correct the first line of the file.");
}

/** Undefined when it cannot be read: what may only be executed is left to the kernel. */
function headOf(path: string): string | undefined {
  try {
    const fd = openSync(path, "r");
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString("latin1", 0, readSync(fd, head));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function failure(file: string, state: string, hint: string): NotRunnable {
  return new NotRunnable("spawn_failed", sentence(file, state), { hint });
}

function sentence(file: string, state: string): string {
  return `Cannot start "${file}": ${state}`;
}

function hintOf(error: LaresError): { hint?: string } {
  return error.hint === undefined ? {} : { hint: error.hint };
}
