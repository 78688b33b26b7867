export type Random = ReturnType<typeof createRandom>;

/**
 * A small deterministic generator (mulberry32). The same seed and purpose give the same numbers, and each purpose has a
 * sequence of its own, so that one more draw for the jobs leaves the faults as they were.
 */
export function createRandom(seed: number, purpose: string) {
  let state = [...purpose].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193), seed | 0);

  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const between = (min: number, max: number) => min + (max - min) * next();
  const whole = (min: number, max: number) => Math.floor(between(min, max + 1));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;

  return {
    next,
    between,
    whole,
    pick,
    chance: (probability: number) => next() < probability,
    /** One of the keys, as often as its weight says. */
    weighted<T extends string>(weights: Record<T, number>): T {
      const entries = Object.entries(weights) as [T, number][];
      let rest = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      return (entries.find(([, weight]) => (rest -= weight) < 0) ?? entries.at(-1)!)[0];
    },
    shuffle<T>(list: readonly T[]): T[] {
      const keyed = list.map((item) => [next(), item] as const);
      return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
    },
  };
}
