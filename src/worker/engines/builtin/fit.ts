import type { Knobs } from './compose.ts';

export interface Fit {
  knobs: Knobs;
  stars: number;
}

const closeEnough = 0.02;
/** What is accepted once every step of one density has been tried. */
const good = 0.05;
const steps = 8;
/**
 * Human maps of a rating differ by about a fifth in density and a quarter in spacing: within that first. Farther ones are for songs and targets
 * at the edge.
 */
const ranges: readonly { spacing: readonly [number, number]; densities: readonly number[] }[] = [
  { spacing: [0.75, 1.3], densities: [1, 1.12, 0.9, 1.25, 0.8] },
  { spacing: [0.55, 3], densities: [1, 1.12, 0.9, 1.25, 0.8, 1.4, 0.68, 1.6, 0.55, 1.9, 0.42, 2.4, 0.3] },
];

/** Where a mode has the density alone, the highest factor of it that is tried. */
const densest = 6;
/** Steps in which the density alone is tried, and steps between the two nearest of them. */
const densitySteps = 12;
/** Where no density alone comes near enough, it is tried with these densities outside of the peaks: each gives other maps around the target. */
const trims = [0.94, 1.06, 0.88, 1.13, 0.82, 1.2];
const trimSteps = 5;
/** A map farther off than this has all that its song has, or nothing of it. */
const inReach = 0.2;

/**
 * Finds the knobs that bring a map to `target` stars. Where `spaced`: for the density nearest to the usual one that can reach it, the
 * spacing, by bisection; else the density, by bisection, with the density outside of the peaks as a trim. The rating is not quite monotonic,
 * so the best map that was seen is taken. `measure` gives the stars of a map.
 */
export function fitStars(target: number, spaced: boolean, measure: (knobs: Knobs) => number): Fit {
  let best: Fit | undefined;
  // Where the steps are fine a map is as hard as was asked or a little harder: just below the bound of a level it would be one of the level below.
  const missOf = (stars: number): number => {
    const off = Math.abs(stars - target);
    return spaced || stars >= target || off > good ? off : closeEnough + (1 - closeEnough / good) * off;
  };
  const look = (density: number, spacing: number): number => {
    const knobs = { density, spacing };
    const stars = measure(knobs);
    if (!best || missOf(stars) < missOf(best.stars)) best = { knobs, stars };
    return stars;
  };
  const away = () => missOf(best!.stars);
  const bisect = (range: readonly [number, number], steps: number, at: (value: number) => number) => {
    let [low, high] = range;
    for (let step = 0; step < steps && away() > closeEnough; step += 1) {
      const middle = Math.sqrt(low * high);
      if (at(middle) < target) low = middle;
      else high = middle;
    }
  };
  if (!spaced) {
    let [low, high] = [0.25, densest];
    const [first, step] = [look(1, 1), 1.3];
    if (first < target) for (low = 1; (high = low * step) < densest && look(high, 1) < target; low = high);
    else for (high = 1; (low = high / step) > 0.25 && look(low, 1) > target; high = low);
    bisect([low, high], densitySteps, (density) => look(density, 1));
    const { density } = best!.knobs;
    for (const trim of away() < inReach ? trims : []) {
      bisect([density / 1.06, density * 1.06], trimSteps, (near) => look(near, trim));
    }
    return best!;
  }
  for (const { spacing, densities } of ranges) {
    const [low, high] = spacing;
    for (const density of densities) {
      if (look(density, low) > target || look(density, high) < target) continue;
      bisect(spacing, steps, (scale) => look(density, scale));
      if (away() <= good) return best!;
    }
  }
  return best!;
}
