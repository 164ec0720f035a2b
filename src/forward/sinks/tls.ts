import { readFileSync } from "node:fs";
import type { TlsFiles } from "../../core/sink.ts";

/** The options of node:tls for these files, read now. @throws what the file system throws */
export function tlsOptions({ ca, cert, key }: TlsFiles): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  return {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    ...(key !== undefined && { key: readFileSync(key) }),
  };
}
