/** Writes numbered lines of varying length to stdout as fast as it goes: LINES in writes of BATCH lines. */
import { writeSync } from "node:fs";

const [, , lines = "0", batch = "1"] = process.argv;
let text = "";
for (let number = 1; number <= Number(lines); number += 1) {
  text += `${number} ${"x".repeat(number % 173)}\n`;
  if (number % Number(batch) === 0 || number === Number(lines)) {
    let bytes = Buffer.from(text);
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(1, bytes));
    text = "";
  }
}
