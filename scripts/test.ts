/** A build, then every suite but chaos, until one fails: `npm test`. */
import { runStep } from "./step.ts";

for (const step of ["build", "test:unit", "test:scenarios", "test:integration", "test:e2e"]) {
  console.log(`\n> ${step}`);
  const { ok, output } = await runStep(step, { show: true });
  if (ok) continue;
  if (output !== "") console.error(output);
  process.exitCode = 1;
  break;
}
