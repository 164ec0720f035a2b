/** Preloaded into the examples: their `lares` is the source, so that they can be tried before anything is built. */
import { registerHooks } from "node:module";

const source = new URL("../../src/daemon/index.ts", import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "lares" ? { url: source, shortCircuit: true } : next(specifier, context),
});
