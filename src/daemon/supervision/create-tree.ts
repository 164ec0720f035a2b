import type { SupervisionOptions, SupervisionTree } from "./tree.ts";

export type { ChildContext, ChildSpec, SupervisionOptions, SupervisionTree } from "./tree.ts";

/**
 * Keeps parts of a program running: one that fails is started again, with or without its siblings, until it fails too
 * often.
 *
 * @returns the tree, all of whose children have started, in their order.
 * @throws what the first start of a child throws; those before it are stopped again.
 * @example
 * ```ts
 * import { supervise } from "lares";
 *
 * await using tree = await supervise({
 *   strategy: "one-for-one",
 *   children: [
 *     {
 *       name: "consumer",
 *       start: ({ signal, fail }) => {
 *         const timer = setTimeout(() => fail(new Error("connection lost")), 60_000);
 *         signal.addEventListener("abort", () => clearTimeout(timer));
 *         return undefined;
 *       },
 *     },
 *   ],
 * });
 * console.log(tree.children()); // [ { name: 'consumer', state: 'up', restarts: 0 } ]
 * ```
 */
export async function supervise(options: SupervisionOptions): Promise<SupervisionTree> {
  const { SupervisionTree } = await import("./tree.ts");
  return SupervisionTree.start(options);
}
