const unitBytes: Readonly<Record<string, number>> = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const sizePattern = /^(?<amount>\d+(?:\.\d+)?)(?<unit>[BKMGT])$/i;

/**
 * Reads a size: `512B`, `512K`, `64M`, `1.5G`, in powers of 1024. Only `0` may stand without a unit.
 *
 * @returns whole bytes, or undefined when the text is not a size
 * @example parseSize("64M") === 67_108_864
 */
export function parseSize(text: string): number | undefined {
  if (text === "0") return 0;
  const groups = sizePattern.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const bytes = Math.round(Number(groups.amount) * (unitBytes[(groups.unit ?? "").toUpperCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Reads an amount of data a second: `10M/s`.
 *
 * @returns whole bytes a second, or undefined when the text is not a rate above zero
 */
export function parseRate(text: string): number | undefined {
  const bytes = text.endsWith("/s") ? parseSize(text.slice(0, -2)) : undefined;
  return bytes === 0 ? undefined : bytes;
}

/**
 * Reads a share of one processor: `150%` is one and a half.
 *
 * @returns percent, or undefined when the text is not a percentage above zero
 */
export function parsePercent(text: string): number | undefined {
  const percent = /^\d+(?:\.\d+)?%$/.test(text) ? Number(text.slice(0, -1)) : 0;
  return percent > 0 ? percent : undefined;
}
