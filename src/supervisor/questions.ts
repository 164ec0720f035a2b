/** Below the ports that the kernel gives to clients by itself. */
const ports = { from: 10_000, count: 20_000 } as const;

/** How a question reaches one run and no other that listens on the same address. Over with its disposal. */
export interface Way extends Disposable {
  /** To be sent from this port. */
  readonly localPort?: number;
  /** To be sent to this socket. */
  readonly path?: string;
}

/** Where nothing has to be done for it. */
export const straightOn: Way = { [Symbol.dispose]() {} };

/** Questions that are under way: what comes from such a port is for one socket, by its key. */
export class Questions {
  readonly #keys = new Map<number, string>();

  /** @param onChange told when this question begins and when it is over */
  begin(key: string, onChange: () => void): Way {
    const localPort = this.#freePort();
    this.#keys.set(localPort, key);
    onChange();
    const end = () => {
      this.#keys.delete(localPort);
      onChange();
    };
    return { localPort, [Symbol.dispose]: end };
  }

  /** Those for some sockets: the port they come from, and the position of the socket. */
  towards(positions: ReadonlyMap<string, number>): readonly (readonly [port: number, position: number])[] {
    return [...this.#keys].flatMap(([port, key]) => {
      const position = positions.get(key);
      return position === undefined ? [] : [[port, position] as const];
    });
  }

  #freePort(): number {
    for (;;) {
      const port = ports.from + Math.floor(Math.random() * ports.count);
      if (!this.#keys.has(port)) return port;
    }
  }
}
