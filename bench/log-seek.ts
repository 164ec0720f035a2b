/**
 * How soon `lares logs` shows its first line out of 10 GB, wherever it is asked to begin, plain and compressed, beside `lares
 * version`. The segments are one file under many names: nobody has to wait for 10 GB to be written.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { compressSegment } from "../src/logs/compress.ts";
import { momentOf } from "../src/logs/names.ts";
import { IndexWriter } from "../src/logs/offsets.ts";
import { listSegments } from "../src/logs/segments.ts";
import { quantile, report, run, small, temporaryDirectory, timed } from "./tools.ts";

const ratioMax = 2;
const rounds = small ? 5 : 15;
const segments = small ? 20 : 200;
const segmentBytes = 50 * 1024 * 1024;
/** Each segment is an hour, of chunks of this size. */
const segmentMs = 3_600_000;
const chunkBytes = 64 * 1024;
const firstMs = Date.parse("2026-11-01T00:00:00Z");
const command = path.join(import.meta.dirname, "..", "bin", "lares");

using directory = temporaryDirectory();
const home = (form: string) => path.join(directory.path, form);
const bytes = segmentOfLines();
const plain = path.join(directory.path, `0.stdout.${momentOf(firstMs)}.log`);
writeFileSync(plain, bytes);
writeService("plain", { service: "flood", file: plain });
const compressed = await compress();
writeService("compressed", { service: "flood", file: compressed });
for (const service of ["api", "web", "mail", "worker"])
  for (const slot of [0, 1]) writeService("merged", { service, slot, file: compressed });

const at = (share: number) => new Date(firstMs + share * segments * segmentMs).toISOString();
/** Near the end of a segment: what comes before it in the same file would be slow to pass through. */
const late = at((Math.floor(0.7 * segments) + 0.98) / segments);
const questions: Record<string, string[]> = {
  "the beginning": ["--since", at(0)],
  "the end of a segment": ["--since", late],
  "near the end of all": ["--since", at(1 - 0.01 / segments)],
  "the last lines": ["-n", "20"],
  "the last lines before then": ["-n", "20", "--until", late],
  "a word since then": ["--grep", "bytes 4711", "--since", late],
  "following since then": ["-f", "--since", late],
};
const turns: Record<string, () => unknown> = { "lares version": () => run([command, "version"]) };
for (const form of ["plain", "compressed", "merged"])
  for (const [name, question] of Object.entries(questions))
    turns[`${form}: ${name}`] = () => firstLine(["logs", "--home", home(form), ...question]);
const samples = new Map(Object.keys(turns).map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++)
  for (const [name, turn] of Object.entries(turns)) samples.get(name)?.push(await timed(turn));

const version = quantile(samples.get("lares version") ?? [], 0.5);
const rows = [...samples].map(([name, sample]) => {
  const median = quantile(sample, 0.5);
  return { name, figures: { "median ms": median, "p95 ms": quantile(sample, 0.95), ratio: median / version } };
});
const size = (segments * segmentBytes) / 1e9;
report("log-seek", rows, [
  `${size} GB each in ${segments} segments; merged: eight times that, of four services; wanted: at most ${ratioMax} × lares version`,
]);

/** Lines as a server writes them, each of them different. */
function segmentOfLines(): Buffer {
  let text = "";
  for (let line = 0; text.length < segmentBytes; line += 1) {
    const id = ((line * 2_654_435_761) % 4_294_967_296).toString(36);
    text += `GET /orders/${line}?session=${id} 200 ${line % 977} ms worker ${line % 7} bytes ${(line * 31) % 65_521}\n`;
  }
  return Buffer.from(text);
}

/** As the supervisor does it. */
async function compress(): Promise<string> {
  const [segment] = listSegments(directory.path);
  if (segment === undefined) throw new Error("there is no segment to compress");
  await compressSegment(directory.path, segment);
  return `${plain}.zst`;
}

interface Part {
  readonly service: string;
  readonly slot?: number;
  /** What each of its segments holds. */
  readonly file: string;
}

function writeService(form: string, { service, slot = 0, file }: Part): void {
  const into = path.join(home(form), "log", service);
  mkdirSync(into, { recursive: true });
  for (let segment = 0; segment < segments; segment += 1) {
    const beginMs = firstMs + segment * segmentMs;
    const name = path.join(into, `${slot}.stdout.${momentOf(beginMs + segmentMs - 1)}`);
    linkSync(file, `${name}.${file.endsWith(".zst") ? "log.zst" : "log"}`);
    writeIndex(`${name}.idx`, { beginMs, startsAt: segment * bytes.length });
  }
}

function writeIndex(file: string, { beginMs, startsAt }: { beginMs: number; startsAt: number }): void {
  const index = new IndexWriter(file, { segmentBytes: bytes.length, startsAt });
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    const timeMs = Math.floor(beginMs + (offset / bytes.length) * segmentMs);
    index.note({ offset, timeMs, order: timeMs * 1000, generation: 1 }, true);
  }
  index.seal(bytes.length);
  index.close();
}

/** Runs the command until it has shown something. */
async function firstLine(question: readonly string[]): Promise<void> {
  const reader = spawn(command, question, { stdio: ["ignore", "pipe", "inherit"] });
  await once(reader.stdout, "data");
  reader.kill("SIGKILL");
}
