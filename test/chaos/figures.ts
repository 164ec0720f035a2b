/** A trial in numbers. */
import { release } from "node:os";
import type { Trial } from "./chaos.ts";
import type { Kill } from "./kills.ts";

export type Figures = Readonly<Record<string, string | number>>;

export function figuresOf(trial: Trial, size: { services: number; kills: number; seed: number }): Figures {
  const { kills, lines, exits, descriptors } = trial;
  return {
    "kernel, Node": `${release().replace(/-.*/, "")}, ${process.versions.node}`,
    seed: size.seed,
    services: size.services,
    "kills of the supervisor": ofVictim(kills, "supervisor").length,
    "kills of the keeper": ofVictim(kills, "keeper").length,
    "kills of both": ofVictim(kills, "both").length,
    "commands given meanwhile": trial.commands,
    "processes started": trial.starts,
    "exit codes and signals checked": exits.known,
    "exits of unknown status (keeper and supervisor were both dead, or died before they held the process)":
      exits.unknown,
    "of these, ended before anybody held them": exits.unheld,
    "HTTP requests": trial.requests,
    "numbered lines": lines.count,
    "last lines of programs that ended while keeper and supervisor were both dead": lines.gone,
    "log files, of these compressed": `${lines.files}, ${lines.compressed}`,
    "longest wait of a writer that never pauses": ms(lines.gapMs),
    "supervisor killed → another answers (p50 / p95 / max)": quantiles(ofVictim(kills, "supervisor")),
    "keeper killed → another supervisor answers (p50 / p95 / max)": quantiles(ofVictim(kills, "keeper")),
    "both killed → `lares up` is done (p50 / p95 / max)": quantiles(ofVictim(kills, "both")),
    "descriptors of the supervisor before and after": `${descriptors.before}, ${descriptors.after}`,
    "lost, doubled or torn lines, failed requests, wrong exits, strays, doubles": trial.faults.length,
  };
}

export function tableOf(figures: Figures): string {
  const rows = Object.entries(figures).map(([name, value]) => `| ${name} | ${value.toLocaleString("en")} |`);
  return ["| what | figure |", "|---|---|", ...rows].join("\n");
}

function ofVictim(kills: readonly Kill[], victim: Kill["victim"]): readonly Kill[] {
  return kills.filter((kill) => kill.victim === victim);
}

function quantiles(kills: readonly Kill[]): string {
  const sorted = kills.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return [at(0.5), at(0.95), at(1)].map(ms).join(" / ");
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
