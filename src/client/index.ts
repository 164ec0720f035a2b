/** `lares/client`: the supervisor's API for programs. */
export type { ErrorCode } from "../core/errors.ts";
export { LaresError } from "../core/errors.ts";
export type * from "../protocol/api.ts";
export { type Homes, homesOf } from "../protocol/homes.ts";
export { type Client, type EventsQuery, openClient } from "./client.ts";
