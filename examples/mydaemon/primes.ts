/** Work for a thread: how many primes there are below a limit. */
export default function countPrimes(limit: number): number {
  const composite = new Uint8Array(limit);
  let count = 0;
  for (let number = 2; number < limit; number += 1) {
    if (composite[number]) continue;
    count += 1;
    for (let multiple = number * number; multiple < limit; multiple += number) composite[multiple] = 1;
  }
  return count;
}
