/** A bucket that fills with `perSecond` tokens a second and holds one second's worth. */
export class TokenBucket {
  #perSecond: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledAtMs = nowMs;
  }

  /** The bucket for a rate, undefined for none: the one there is, as far as possible. */
  static for(perSecond: number | undefined, known: TokenBucket | undefined, nowMs: number): TokenBucket | undefined {
    if (perSecond === undefined) return undefined;
    const bucket = known ?? new TokenBucket(perSecond, nowMs);
    bucket.perSecond = perSecond;
    return bucket;
  }

  /** Changes the rate; what is in the bucket stays as far as it fits. */
  set perSecond(value: number) {
    this.#perSecond = value;
    this.#tokens = Math.min(this.#tokens, value);
  }

  /** Tokens at `nowMs`; below 0 after more was taken than there was. */
  available(nowMs: number): number {
    const gained = (Math.max(0, nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#filledAtMs = nowMs;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained);
    return this.#tokens;
  }

  take(tokens: number): void {
    this.#tokens -= tokens;
  }

  /** Milliseconds from the last look until `tokens` are there. */
  waitMs(tokens: number): number {
    return Math.max(0, Math.ceil(((tokens - this.#tokens) * 1000) / this.#perSecond));
  }
}
