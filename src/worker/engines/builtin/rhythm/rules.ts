import type { Tick } from '../hearing/grid.ts';
import type { Mode } from '../plan.ts';

/** At most `notes` events follow one another `beats` or less apart. */
export interface ChainRule {
  beats: number;
  notes: number;
}

/** What the events of a map must keep, whatever the density. Leaving events out never breaks one of these. */
export interface Rules {
  /** Whether beats are counted as osu!taiko normalises them. */
  normalised?: boolean;
  /** Least distance of two events in beats. */
  gap: number;
  chains: readonly ChainRule[];
  /** A pause of `beats` at least once in every `every` beats (both as osu!taiko normalises them). */
  rest?: { beats: number; every: number };
}

/** Half a beat; 2/3 is what it is in triplets. Quarters: 1/3 likewise. */
const half = 0.67;
const quarter = 0.34;

/**
 * By level, from the ranking criteria's rhythm rules and, where these say nothing, the longest runs of ranked maps (5 in Hard, 9 in
 * Insane, 17 and more above). A taiko run of n notes at 1/2 or 1/4, its rests, mania's consecutive 1/2 and 1/4 rows: see the
 * reference of the advisory checks T10, T11, M13 and M14.
 */
const rules: Record<'osu' | 'taiko' | 'catch' | 'mania', readonly Rules[]> = {
  osu: [
    { gap: 0.5, chains: [{ beats: half, notes: 2 }] },
    { gap: 0.5, chains: [{ beats: half, notes: 4 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 5 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 9 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 17 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 33 }] },
  ],
  taiko: [
    {
      gap: 0.5,
      chains: [
        { beats: half, notes: 2 },
        { beats: 1, notes: 7 },
      ],
      rest: { beats: 3, every: 36 },
    },
    { gap: 1 / 3, chains: [{ beats: half, notes: 7 }], rest: { beats: 2, every: 36 } },
    { gap: 0, chains: [{ beats: quarter, notes: 5 }], rest: { beats: 1.5, every: 36 } },
    { gap: 0, chains: [{ beats: quarter, notes: 9 }], rest: { beats: 1, every: 20 } },
    { gap: 0, chains: [{ beats: quarter, notes: 17 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 33 }] },
  ],
  // Longest runs of heads, reverses and tails in 19 ranked maps, a few outliers left out.
  catch: [
    { gap: 0.5, chains: [{ beats: half, notes: 4 }] },
    { gap: 0.5, chains: [{ beats: half, notes: 13 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 7 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 17 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 33 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 65 }] },
  ],
  mania: [
    {
      gap: 0,
      chains: [
        { beats: quarter, notes: 2 },
        { beats: half, notes: 5 },
      ],
    },
    { gap: 0, chains: [{ beats: quarter, notes: 5 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 33 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 65 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 129 }] },
    { gap: 0, chains: [{ beats: quarter, notes: 257 }] },
  ],
};

const tables = { 0: rules.osu, 1: rules.taiko, 2: rules.catch, 3: rules.mania } as const;

export function rulesOf(mode: Mode, level: number): Rules {
  const own = tables[mode][level]!;
  // Inner Oni has no rule; its longest runs are those of maps, as they are counted there.
  return mode === 1 ? { ...own, normalised: level < 4 } : own;
}

/** Beats from one tick to a later one, in the later one's tempo. */
const beatsBetween = (from: Tick, to: Tick) => (to.time - from.time) / to.tempo.beatMs;

/** Times are whole ms. */
const slack = 0.02;

/** The ticks taken so far, and whether one more may be. */
export function createTaken(ticks: readonly Tick[], { gap, chains, normalised }: Rules) {
  const taken = new Uint8Array(ticks.length);
  const next = (i: number, step: 1 | -1) => {
    let j = i + step;
    while (j >= 0 && j < ticks.length && !taken[j]) j += step;
    return j >= 0 && j < ticks.length ? j : undefined;
  };
  const apart = (i: number, j: number) => {
    const [from, to] = [ticks[Math.min(i, j)]!, ticks[Math.max(i, j)]!];
    return beatsBetween(from, to) * (normalised ? taikoBeats(to.tempo) : 1);
  };
  const chained = (from: number, step: 1 | -1, { beats, notes }: ChainRule) => {
    let count = 0;
    for (let i = from, j = next(i, step); j !== undefined && count <= notes; i = j, j = next(i, step)) {
      if (apart(i, j) > beats + slack) break;
      count += 1;
    }
    return count;
  };
  return {
    has: (i: number) => taken[i] === 1,
    add: (i: number) => (taken[i] = 1),
    /** Whether an event at this position keeps all rules together with the others. */
    allows(i: number): boolean {
      for (const step of [-1, 1] as const) {
        const j = next(i, step);
        if (j !== undefined && apart(i, j) < gap - slack) return false;
      }
      return chains.every((rule) => 1 + chained(i, -1, rule) + chained(i, 1, rule) <= rule.notes);
    },
  };
}

/** osu!taiko's rules are written for beats of 222 to 461 ms: how many of those a beat of the grid has. */
export function taikoBeats({ point, beatMs }: Tick['tempo']): number {
  let ms = 60_000 / point.bpm;
  while (ms <= 222) ms *= 2;
  while (ms >= 545) ms /= 2;
  while (ms >= 461) ms /= 1.5;
  return beatMs / ms;
}

/** Ticks that stay empty so that the rests come often enough: where the least is heard, in the second half of each stretch. */
export function restsOf(ticks: readonly Tick[], evidence: Float64Array, { rest }: Rules): Set<number> {
  const empty = new Set<number>();
  if (!rest) return empty;
  // One tick shorter than allowed, so that a rest that begins late in one stretch cannot miss the bound.
  let start = 0;
  while (start < ticks.length) {
    const { tempo } = ticks[start]!;
    const perBeat = tempo.ticksPerBeat / taikoBeats(tempo);
    const length = Math.ceil(rest.beats * perBeat - 1e-6) - 1;
    const stretch = Math.floor(rest.every * perBeat) - length - 2;
    let [best, least] = [-1, Infinity];
    for (let i = start + Math.floor(stretch / 2); i <= start + stretch && i + length <= ticks.length; i += 1) {
      let heard = 0;
      for (let k = i; k < i + length; k += 1) heard += Math.exp(evidence[k]!);
      if (heard < least) [best, least] = [i, heard];
    }
    if (best < 0) break;
    for (let k = best; k < best + length; k += 1) empty.add(k);
    start = best + Math.max(1, length);
  }
  return empty;
}
