/**
 * `lares/register`: the preload that makes an unmodified Node program reloadable (`node --import lares/register app.js`).
 *
 * It is inherited by every Node process that the program starts, so what it does first is find out, at no cost, that it is
 * not meant. All else is in modules that are only loaded when it is.
 */
const { LARES_READY_FD, LISTEN_PID, LARES_REGISTER } = process.env;

const supervised = LARES_READY_FD !== undefined || LISTEN_PID === String(process.pid);
/** Left in the environment by a supervised process, for those of its children that a cluster forks. */
const mayBeClusterWorker = LARES_REGISTER !== undefined && process.connected === true;

if (supervised || mayBeClusterWorker) {
  const { activate } = await import("./activate.ts");
  await activate({ supervised });
}

export {};
