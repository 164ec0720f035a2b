import { playLine } from "./lines.ts";
import { Stage } from "./stage.ts";

/**
 * Plays a dialogue, and returns it with what came of it.
 *
 * A line that begins in the first column is said to the core; what it answered stands below it, indented. `#` begins a
 * comment, and `## …` a scene of its own: a new world, at moment 0.
 */
export function play(text: string): string {
  let stage = new Stage();
  const out: string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s+\S/.test(line)) continue;
    out.push(line);
    if (line.startsWith("## ")) stage = new Stage();
    if (line === "" || line.startsWith("#")) continue;
    out.push(...answersTo(stage, line).map((answer) => `  ${answer}`));
  }
  return out.join("\n");
}

/** The scenes of a dialogue by their titles, each with the part of the text that it is. */
export function scenesOf(text: string): ReadonlyMap<string, string> {
  const scenes = text.split(/^(?=## )/m).filter((part) => part.startsWith("## "));
  return new Map(scenes.map((part) => [part.slice(3, part.indexOf("\n")), part]));
}

function answersTo(stage: Stage, line: string): readonly string[] {
  try {
    playLine(stage, line);
  } catch (error) {
    throw new Error(`in the line ${JSON.stringify(line)}`, { cause: error });
  }
  return stage.takeLines();
}
