/** Sends metrics away on an interval, for programs that nobody scrapes. */
import type * as Client from "@prometheus-io/client";
import { LaresError } from "../../core/errors.ts";
import { toOtlp } from "./otlp.ts";
import type { MetricsOptions, PushTarget } from "./types.ts";

const timeoutMs = 5_000;
type Registry = Client.Registry<Client.OpenMetricsContentType>;

interface Means {
  readonly client: typeof Client;
  readonly registry: Registry;
  readonly options: MetricsOptions;
}

export class Pusher {
  readonly #means: Means;
  readonly #timers: NodeJS.Timeout[];

  constructor(means: Means) {
    this.#means = means;
    this.#timers = (means.options.push ?? []).map((target) =>
      setInterval(() => void this.#sendOrReport(target), target.intervalMs ?? 15_000).unref(),
    );
  }

  async push(): Promise<void> {
    await Promise.all((this.#means.options.push ?? []).map((target) => this.#sendOrReport(target)));
  }

  /** Once more, so that the last counts are not lost. */
  async end(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.push();
  }

  async #sendOrReport(target: PushTarget): Promise<void> {
    try {
      await this.#send(target);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#means.options.onPushError?.(
        new LaresError("io", `Cannot push metrics to "${target.url}": ${reason}`, { cause }),
      );
    }
  }

  async #send(target: PushTarget): Promise<void> {
    const { client, registry, options } = this.#means;
    if (target.to === "pushgateway") {
      const gateway = new client.Pushgateway(
        target.url,
        { timeout: timeoutMs, headers: { ...target.headers } },
        registry,
      );
      await gateway.push({ jobName: target.job });
      return;
    }
    const answer = await fetch(target.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...target.headers },
      body: JSON.stringify(toOtlp(await registry.getMetricsAsJSON(), options.service)),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  }
}
