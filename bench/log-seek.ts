/**
 * How soon `lares logs --since` shows its first line out of 10 GB, plain and compressed, beside `lares version`. The
 * segments of one service are one file under many names: nobody has to wait for 10 GB to be written.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { zstdCompressSync } from "node:zlib";
import { momentOf } from "../src/logs/names.ts";
import { IndexWriter } from "../src/logs/offsets.ts";
import { quantile, report, run, small, temporaryDirectory, timed } from "./tools.ts";

const ratioMax = 2;
const rounds = small ? 5 : 25;
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
writeService("plain", { extension: "log", content: bytes });
writeService("compressed", { extension: "log.zst", content: zstdCompressSync(bytes) });

const early = firstMs + 0.7 * segments * segmentMs;
const turns: Record<string, () => unknown> = {
  "lares version": () => run([command, "version"]),
  "plain, begin of a segment": () => firstLine("plain", early + 0.02 * segmentMs),
  "plain, end of a segment": () => firstLine("plain", early + 0.98 * segmentMs),
  "compressed, begin of a segment": () => firstLine("compressed", early + 0.02 * segmentMs),
  "compressed, end of a segment": () => firstLine("compressed", early + 0.98 * segmentMs),
};
const samples = new Map(Object.keys(turns).map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++)
  for (const [name, turn] of Object.entries(turns)) samples.get(name)?.push(await timed(turn));

const version = quantile(samples.get("lares version") ?? [], 0.5);
const rows = [...samples].map(([name, sample]) => {
  const median = quantile(sample, 0.5);
  return { name, figures: { "median ms": median, "p95 ms": quantile(sample, 0.95), ratio: median / version } };
});
report("log-seek", rows, [`${(segments * segmentBytes) / 1e9} GB each; wanted: at most ${ratioMax} × lares version`]);

/** Lines as a server writes them, each of them different. */
function segmentOfLines(): Buffer {
  let text = "";
  for (let line = 0; text.length < segmentBytes; line += 1) {
    const id = ((line * 2_654_435_761) % 4_294_967_296).toString(36);
    text += `GET /orders/${line}?session=${id} 200 ${line % 977} ms worker ${line % 7} bytes ${(line * 31) % 65_521}\n`;
  }
  return Buffer.from(text);
}

function writeService(form: string, { extension, content }: { extension: string; content: Buffer }): void {
  const service = path.join(home(form), "log", "flood");
  mkdirSync(service, { recursive: true });
  const first = path.join(home(form), "content");
  writeFileSync(first, content);
  for (let segment = 0; segment < segments; segment += 1) {
    const beginMs = firstMs + segment * segmentMs;
    const name = path.join(service, `0.stdout.${momentOf(beginMs + segmentMs - 1)}`);
    linkSync(first, `${name}.${extension}`);
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
async function firstLine(form: string, sinceMs: number): Promise<void> {
  const since = new Date(sinceMs).toISOString();
  const reader = spawn(command, ["logs", "--home", home(form), "--since", since], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(reader.stdout, "data");
  reader.kill("SIGKILL");
}
