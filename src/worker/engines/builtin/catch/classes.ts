import { quantised } from '../compose.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { halfPlate, type MovementClass } from './movement.ts';
import type { TimedObject } from './objects.ts';

/** The way into an object from the one before it. */
export interface Gap {
  ms: number;
  /** Whether the object before is a fruit: a juice stream's own movements are walks and end a run of dashes. */
  joined: boolean;
  accent: number;
}

/** Least ms of a dash and of a hyperdash, by level; Infinity: none (ranking criteria). */
const leastDash = [Infinity, 125, 62, 62, 62, 62];
const leastHyper = [Infinity, Infinity, 125, 62, 40, 40];
/** From here on a gap is basic, below it higher-snapped. */
const basicDash = [Infinity, 250, 125, 125, 0, 0];
const basicHyper = [Infinity, Infinity, 250, 125, 0, 0];
const longestDashRun = [0, 2, 4, 8, 12, 12];
const longestHyperRun = [0, 0, 2, 4, 8, 12];
/** Longer gaps need no dash on the playfield. */
const longestDashMs = 620;
const playfield = 480;
/** Hyperdashes of one run have the same rhythm within this many ms. */
const sameRhythmMs = 4;

/** Shares of all movements that are dashes and hyperdashes, in 19 ranked maps, at a level's first and last star. */
const dashShares: readonly (readonly [number, number])[] = [
  [0, 0],
  [0.07, 0.11],
  [0.1, 0.18],
  [0.17, 0.26],
  [0.13, 0.11],
  [0.1, 0.08],
];
const hyperShares: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 0],
  [0.045, 0.09],
  [0.11, 0.22],
  [0.23, 0.3],
  [0.3, 0.42],
];
const levelStars = [1, 2, 2.7, 4, 5.3, 6.5, 9];

/** How much a share may change with the spacing, so that the stars can be fitted without leaving the level's usual range. */
const widest = 1.35;

/** Below this spacing dashes become rare, since nothing else makes a map with a small plate easy enough. */
const usualFrom = 0.8;
const rareFrom = 0.5;
const fading = (spacing: number) => Math.min(1, Math.max(0, (spacing - rareFrom) / (usualFrom - rareFrom)));

/** The gaps between objects, in order; a shower is passed over. */
export function gapsBetween(objects: readonly TimedObject[], random: Random): Gap[] {
  return objects.map((object, i) => {
    const before = objects[i - 1];
    const [start] = object.edges;
    if (!before) return { ms: Infinity, joined: false, accent: 0 };
    const stressed = object.accent + (object.newCombo ? 0.2 : 0) + (start.phase === 0 ? 0.15 : 0);
    const ms = start.time - before.edges.at(-1)!.time;
    return { ms, joined: before.kind === 'fruit', accent: stressed + 0.4 * random('accent', start.index) };
  });
}

/**
 * Which ways are dashes and hyperdashes: those with the strongest accents, up to the level's share, as far as the
 * ranking criteria allow them at their rhythm and beside their neighbours.
 */
export function classify(gaps: readonly Gap[], movements: number, plan: Plan, spacing: number): MovementClass[] {
  const classes = gaps.map((): MovementClass => 'walk');
  const order = [...gaps.keys()].sort((a, b) => quantised(gaps[b]!.accent) - quantised(gaps[a]!.accent) || a - b);
  const mark = (kind: 'dash' | 'hyper', wanted: number) => {
    let left = Math.round(wanted * movements);
    for (const i of order) {
      if (left <= 0) break;
      if (classes[i] !== 'walk' || !allowed(gaps, classes, i, kind, plan)) continue;
      classes[i] = kind;
      left -= 1;
    }
  };
  mark('hyper', hyperShare(plan, spacing));
  mark('dash', dashShare(plan, spacing));
  return classes;
}

function shareAt(shares: readonly (readonly [number, number])[], { level, stars }: Plan): number {
  const [from, to] = [levelStars[level]!, levelStars[level + 1]!];
  const [first, last] = shares[level]!;
  return first + (last - first) * Math.min(1, Math.max(0, (stars - from) / (to - from)));
}

function hyperShare(plan: Plan, spacing: number): number {
  const { noHyperdashes, jumps, simple } = plan.style;
  if (noHyperdashes > 0) return 0;
  const biased = 1 - 0.4 * noHyperdashes + 0.4 * jumps - 0.6 * simple;
  return shareAt(hyperShares, plan) * biased * Math.min(widest, spacing ** 1.5) * fading(spacing);
}

function dashShare(plan: Plan, spacing: number): number {
  const { jumps, simple } = plan.style;
  return (
    shareAt(dashShares, plan) *
    (1 + 0.5 * jumps - 0.6 * simple) *
    fading(spacing) *
    (plan.level === 1 ? spacing : Math.min(widest, spacing))
  );
}

/** Whether gap `i` may be of a class, the others being as they are. */
export function allowed(
  gaps: readonly Gap[],
  classes: readonly MovementClass[],
  i: number,
  kind: 'dash' | 'hyper',
  plan: Plan,
): boolean {
  const { level } = plan;
  const gap = gaps[i]!;
  const half = halfPlate(plan.cs);
  const isHyper = kind === 'hyper';
  if (gap.ms < (isHyper ? leastHyper : leastDash)[level]!) return false;
  if (gap.ms > (isHyper ? playfield - half : longestDashMs)) return false;
  const run = runAround(gaps, classes, i);
  const neighbours = run.filter((k) => Math.abs(k - i) === 1);
  const hypers = [i, ...run.filter((k) => classes[k] === 'hyper')];
  const quick = (k: number, hyper: boolean) => gaps[k]!.ms < (hyper ? basicHyper : basicDash)[level]!;
  if (isHyper) {
    // A hyperdash off the usual rhythm stands alone; the others keep one rhythm and never run for long.
    if (quick(i, true) && level === 2 && neighbours.length > 0) return false;
    if (quick(i, true) && neighbours.some((k) => classes[k] === 'hyper' && quick(k, true))) return false;
    if (level === 2 && neighbours.some((k) => classes[k] === 'hyper' && quick(k, true))) return false;
    if (level < 4 && neighbours.some((k) => classes[k] === 'hyper' && !sameRhythm(gaps, i, k))) return false;
    return streak(i, (k) => hypers.includes(k)) <= longestHyperRun[level]!;
  }
  if (level === 2 && neighbours.some((k) => classes[k] === 'hyper' && quick(k, true))) return false;
  if (level < 3 && neighbours.some((k) => classes[k] === 'dash' && (quick(i, false) || quick(k, false)))) return false;
  return streak(i, (k) => k === i || (run.includes(k) && classes[k] === 'dash')) <= longestDashRun[level]!;
}

const sameRhythm = (gaps: readonly Gap[], i: number, k: number) => Math.abs(gaps[i]!.ms - gaps[k]!.ms) <= sameRhythmMs;

/** Neighbours on both sides of `i` that are no walks, without a break. */
function runAround(gaps: readonly Gap[], classes: readonly MovementClass[], i: number): number[] {
  const run: number[] = [];
  for (let k = i - 1; k > 0 && gaps[k + 1]!.joined && classes[k] !== 'walk'; k -= 1) run.push(k);
  for (let k = i + 1; k < gaps.length && gaps[k]!.joined && classes[k] !== 'walk'; k += 1) run.push(k);
  return run;
}

/** Length of the row of fitting gaps that `i` is in. */
function streak(i: number, fits: (k: number) => boolean): number {
  let [from, to] = [i, i];
  while (fits(from - 1)) from -= 1;
  while (fits(to + 1)) to += 1;
  return to - from + 1;
}
