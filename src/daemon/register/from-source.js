// The preload of a supervisor that runs from its sources. It is JavaScript, since a program may have a Node of its own: one
// that cannot strip types runs without the preload.
if (process.features.typescript) await import("./index.ts");
