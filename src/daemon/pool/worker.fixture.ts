/** What the pool's tests ask of a thread. */
interface Task {
  readonly do: "echo" | "loop" | "exit" | "throw" | "wait" | "size" | "crash";
  readonly value?: unknown;
  readonly ms?: number;
  readonly buffer?: ArrayBuffer;
}

export default async function work(task: Task): Promise<unknown> {
  switch (task.do) {
    case "echo":
      return task.value;
    case "wait":
      await new Promise((resolve) => setTimeout(resolve, task.ms));
      return task.value;
    case "loop":
      for (;;);
    case "exit":
      return process.exit(7);
    case "crash":
      setImmediate(() => {
        throw new Error("outside of the task");
      });
      return new Promise(() => {});
    case "throw":
      throw new TypeError("bad task");
    case "size":
      return task.buffer?.byteLength;
  }
}
