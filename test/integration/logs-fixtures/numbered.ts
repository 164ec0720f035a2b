/**
 * Writes numbered lines of varying length to stdout: LINES in writes of BATCH lines, with PAUSE milliseconds after each
 * or, without it, as fast as it goes.
 */
import { writeSync } from "node:fs";

const [, , lines = "0", batch = "1", pauseMs = "0"] = process.argv;
const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));
let text = "";
for (let number = 1; number <= Number(lines); number += 1) {
  text += `${number} ${"x".repeat(number % 173)}\n`;
  if (number % Number(batch) === 0 || number === Number(lines)) {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(1, bytes));
    text = "";
    if (pauseMs !== "0") Atomics.wait(nobodyWakes, 0, 0, Number(pauseMs));
  }
}
