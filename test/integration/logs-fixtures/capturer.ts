/** Captures the pipe it inherits as descriptor 3 until it ends or is killed. Arguments: directory, limits as JSON. */
import { Captures } from "../../../src/logs/captures.ts";

const [, , directory = "", limits = "{}"] = process.argv;
new Captures({ directory }).capture({
  fd: 3,
  service: "flood",
  slot: 0,
  stream: "stdout",
  generation: 1,
  limits: JSON.parse(limits),
  onPressure: (report) => process.send?.(report),
  onEnd: () => process.send?.("ended"),
});
process.send?.("capturing");
