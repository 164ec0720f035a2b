/** What `/etc/mydaemon/config.json` may say. */
import { secret } from "lares";
import { z } from "zod";

const megabytes = z.number().positive();

export const schema = z.strictObject({
  log_level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
  /** Resident memory in MB from which on the process is replaced; 20 % above, it ends. */
  max_memory: megabytes.default(512),
  /** Threads for counting primes. */
  worker_count: z.int().min(1).max(16).default(2),
  port: z.int().min(0).max(65535).default(8080),
  health_port: z.int().min(0).max(65535).default(8081),
  greeting: z.string().default("hello"),
  /** Who may use /admin; never printed. */
  admin_token: z.string().default("change me").transform(secret),
});

export type Config = z.infer<typeof schema>;
