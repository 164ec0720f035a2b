/**
 * Names of Unix sockets that are bound beside the path they are going to be found at.
 *
 * The supervisor tries a successor on a socket of its own and renames its file when clients are to come. The kernel goes on
 * telling the name it was bound to.
 */

/** Where a socket waits to take the path's place. */
export function laneFile(path: string, lane: number): string {
  return `${path}.lane${lane}`;
}

/** The path that a socket bound to `name` is meant for. */
export function withoutLane(name: string): string {
  return name.replace(/\.lane\d+$/, "");
}
