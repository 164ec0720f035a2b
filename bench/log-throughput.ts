/**
 * What it costs to bring output to disk, beside `cat`: 100-byte lines in large writes (`bulk`), one line a write (`lines`), and
 * the processor share of capturing one program with 1,000 lines a second and many with 10 each.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { setNonBlocking } from "../src/os/descriptors.ts";
import { closeFd, createPipe, type Pipe, writeNow } from "../src/os/pipes.ts";
import { cpuPercentOf, type Row, report, small, temporaryDirectory } from "./tools.ts";

const bulkBytes = small ? 200e6 : 2e9;
const linesBytes = small ? 50e6 : 300e6;
const services = small ? 100 : 1_000;
const trickleMs = small ? 2_000 : 20_000;
/** Until every stream has its files and its pace. */
const settleMs = small ? 500 : 3_000;
const line = "x".repeat(99);

interface Findings {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly grownMb: number;
  readonly heldMs: number;
}

const rows: Row[] = [
  ...(await besideCat("bulk", `yes ${line} | head -c ${bulkBytes}`, bulkBytes)),
  ...(await besideCat("lines", `stdbuf -oL seq -f %099.0f ${linesBytes / 100}`, linesBytes)),
  await trickle("one, 1,000 lines/s", { count: 1, everyMs: 10, linesEach: 10 }),
  await trickle(`${services}, 10 lines/s each`, { count: services, everyMs: 100, linesEach: 1 }),
];
report("log-throughput", rows, [
  "wanted: bulk at least 0.75 of cat's MB/s at most 1.6 of its s/GB; lines at least 0.5 and at most 1",
  "wanted: one at most 0.5 %, 1,000 at most 10 %; memory within 40 MB, loop held at most 10 ms",
]);

async function besideCat(name: string, writer: string, bytes: number): Promise<Row[]> {
  const cat = catTakes(writer);
  const ours = await oursTakes(writer);
  const speed = (seconds: number) => bytes / 1e6 / seconds;
  const cost = (cpuSeconds: number) => (cpuSeconds * 1e9) / bytes;
  return [
    { name: `${name}, cat`, figures: { "MB/s": speed(cat.seconds), "s/GB": cost(cat.cpuSeconds) } },
    {
      name: `${name}, lares`,
      figures: {
        "MB/s": speed(ours.seconds),
        "s/GB": cost(ours.cpuSeconds),
        "of cat's MB/s": cat.seconds / ours.seconds,
        "of cat's s/GB": ours.cpuSeconds / cat.cpuSeconds,
        "grown MB": ours.grownMb,
        "held ms": ours.heldMs,
      },
    },
  ];
}

function catTakes(writer: string): Pick<Findings, "seconds" | "cpuSeconds"> {
  using directory = temporaryDirectory();
  const script = `TIMEFORMAT='%R %U %S'; ${writer} | { time cat > ${directory.path}/cat.log; } 2>&1`;
  const figures = execFileSync("bash", ["-c", script]).toString().trim().split(" ").map(Number);
  const [seconds = 0, user = 0, system = 0] = figures;
  return { seconds, cpuSeconds: user + system };
}

async function oursTakes(writer: string): Promise<Findings> {
  using directory = temporaryDirectory();
  const [pipe] = pipes(1, 1024 * 1024) as [Pipe];
  const capturer = await capture([pipe], directory.path, "held");
  const program = spawn("bash", ["-c", writer], { stdio: ["ignore", pipe.writeEnd, "inherit"] });
  closeFd(pipe.writeEnd);
  const [findings] = (await once(capturer, "message")) as [Findings];
  if (program.exitCode === null) await once(program, "exit");
  return findings;
}

/** `linesEach` lines into each of `count` pipes every `everyMs`, spread over that time. Files are made before it counts. */
async function trickle(
  name: string,
  { count, everyMs, linesEach }: { count: number; everyMs: number; linesEach: number },
): Promise<Row> {
  using directory = temporaryDirectory();
  const writers = pipes(count, 64 * 1024);
  const capturer = await capture(writers, directory.path);
  const bytes = Buffer.from(`${line}\n`);
  for (const { writeEnd } of writers) setNonBlocking(writeEnd, true);
  const steps = count === 1 ? linesEach : Math.min(count, everyMs);
  let step = 0;
  const timer = setInterval(() => {
    const from = count === 1 ? 0 : Math.floor((step * count) / steps);
    const to = count === 1 ? 1 : Math.floor(((step + 1) * count) / steps);
    for (const { writeEnd } of writers.slice(from, to)) writeNow(writeEnd, bytes);
    step = (step + 1) % steps;
  }, everyMs / steps);
  await pause(settleMs);
  const percent = await cpuPercentOf([capturer.pid ?? 0], trickleMs);
  clearInterval(timer);
  for (const { writeEnd } of writers) closeFd(writeEnd);
  const [{ grownMb }] = (await once(capturer, "message")) as [Findings];
  return { name, figures: { "CPU %": percent, "grown MB": grownMb } };
}

function pipes(count: number, sizeBytes: number): Pipe[] {
  return Array.from({ length: count }, () => createPipe({ sizeBytes }));
}

/** A process of its own that captures the pipes' read ends. */
async function capture(from: readonly Pipe[], directory: string, measure = ""): Promise<ChildProcess> {
  const fixture = path.join(import.meta.dirname, "log-fixture.ts");
  const ends = from.map(({ readEnd }) => readEnd);
  const capturer = spawn(
    process.execPath,
    ["--max-semi-space-size=1", "--optimize-for-size", fixture, directory, `${ends.length}`, measure],
    { stdio: ["ignore", "inherit", "inherit", ...ends, "ipc"] },
  );
  for (const end of ends) closeFd(end);
  await once(capturer, "message");
  return capturer;
}
