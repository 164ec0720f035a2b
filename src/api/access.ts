import type { Socket } from "node:net";
import { isOwner } from "../supervisor/private-socket.ts";

/** Who may use a route. */
export type Access = "owner";

interface AccessRule {
  readonly description: string;
  readonly allows: (peer: Socket) => boolean;
}

/** Each route names one of these. */
export const accessRules: Readonly<Record<Access, AccessRule>> = {
  owner: {
    description: "The supervisor's own user, and root. The kernel says who is on the other side of the socket.",
    allows: isOwner,
  },
};
