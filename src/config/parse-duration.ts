const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const durationPattern =
  /^(?:(?<d>\d+(?:\.\d+)?)d)?(?:(?<h>\d+(?:\.\d+)?)h)?(?:(?<m>\d+(?:\.\d+)?)m)?(?:(?<s>\d+(?:\.\d+)?)s)?(?:(?<ms>\d+)ms)?$/;

/**
 * Reads a duration: `100ms`, `5s`, `10m`, `1h`, `14d`, or larger units before smaller ones as in `1h30m`.
 *
 * A bare number is no duration: its unit would be a guess.
 *
 * @returns whole milliseconds, or undefined when the text is not a duration
 * @example parseDuration("1h30m") === 5_400_000
 */
export function parseDuration(text: string): number | undefined {
  const groups = durationPattern.exec(text)?.groups;
  if (groups === undefined || text === "") return undefined;
  let total = 0;
  for (const [unit, factor] of Object.entries(unitMs)) total += Number(groups[unit] ?? 0) * factor;
  const rounded = Math.round(total);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
