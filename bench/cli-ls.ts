/**
 * What a command costs the person who waits for it: `lares ls --json` with ten services, beside a bare `node -e 0` of the
 * same runtime. Turns are interleaved, so that a busy moment hits all of them.
 */

import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { quantile, report, run, small, temporaryDirectory, timed } from "./tools.ts";

const ratioMax = 1.6;
const rounds = small ? 10 : 40;
const programs = Array.from({ length: 10 }, (_, index) => ({ name: `idle-${index}`, command: ["sleep", "86401"] }));

using directory = temporaryDirectory();
const ours = lares(directory.path);
const theirs = pm2(directory.path);
const turns: Record<string, () => unknown> = {
  "node -e 0": () => run([process.execPath, "-e", "0"]),
  "lares ls --json": () => ours.invoke("ls", "--json"),
  ...(theirs === null ? {} : { "pm2 jlist": () => theirs.invoke("jlist") }),
};

try {
  await ours.start(programs);
  await theirs?.start(programs);
  const samples = new Map(Object.keys(turns).map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++)
    for (const [name, turn] of Object.entries(turns)) samples.get(name)?.push(await timed(turn));

  const bare = quantile(samples.get("node -e 0") ?? [], 0.5);
  const rows = [...samples].map(([name, sample]) => {
    const median = quantile(sample, 0.5);
    return { name, figures: { "median ms": median, "p95 ms": quantile(sample, 0.95), ratio: median / bare } };
  });
  report("cli-ls", rows, [`wanted: lares at most ${ratioMax} × node -e 0`]);
} finally {
  await theirs?.end();
  await ours.end();
}
