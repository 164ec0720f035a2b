/**
 * A thousand services that do nothing: how soon they all run, what supervising them costs in memory and in idle processor
 * time, how long a hundred take to stop and everything to end.
 */
import type { Contender } from "./contender.ts";
import { lares } from "./contender-lares.ts";
import { pm2 } from "./contender-pm2.ts";
import { runit } from "./contender-runit.ts";
import { s6 } from "./contender-s6.ts";
import { supervisord } from "./contender-supervisord.ts";
import { cpuPercentOf, memoryOf, pidsOf, type Row, report, small, temporaryDirectory, timed, until } from "./tools.ts";

const count = small ? 50 : 1000;
const stopped = count / 10;
const idleMs = small ? 1000 : 10_000;

const rows: Row[] = [];
for (const [index, create] of [lares, pm2, runit, s6, supervisord].entries()) {
  // A duration of its own tells this contender's programs from all other processes.
  const row = await trial(create, ["sleep", String(86410 + index)]);
  if (row !== null) rows.push(row);
}
report("thousand", rows, [
  `${count} services, ${stopped} of them stopped; MB and % are those of the supervision alone`,
  "wanted at 1000: up within 3 s, at most 100 MB resident, idle under 1 %, 100 stopped within 0.4 s",
]);

async function trial(
  create: (directory: string) => Contender | null,
  command: readonly [string, string],
): Promise<Row | null> {
  using directory = temporaryDirectory();
  const contender = create(directory.path);
  if (contender === null) return null;
  const programs = Array.from({ length: count }, (_, index) => ({ name: `s${index}`, command }));
  const running = (): number => pidsOf(command).length;
  let downMs: number | undefined;
  try {
    const upMs = await timed(async () => {
      await contender.start(programs);
      await until("all services run", () => running() === count, { everyMs: 50 });
    });
    const idle = await cpuPercentOf(contender.pids(), idleMs);
    const memory = memoryOf(contender.pids());
    const stopMs = await timed(() => contender.stop(programs.slice(0, stopped).map(({ name }) => name)));
    if (running() !== count - stopped) throw new Error(`${running()} run after ${stopped} of ${count} were stopped`);
    downMs = await timed(() => contender.end());
    if (running() !== 0) throw new Error(`${contender.name} left ${running()} services behind`);
    const { residentMb, privateMb } = memory;
    const figures = { "up s": upMs / 1000, "RSS MB": residentMb, "private MB": privateMb, "idle %": idle };
    return { name: contender.name, figures: { ...figures, "stop s": stopMs / 1000, "down s": downMs / 1000 } };
  } finally {
    if (downMs === undefined) await contender.end();
  }
}
