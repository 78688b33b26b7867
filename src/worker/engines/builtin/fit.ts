import type { Knobs } from './compose.ts';

export interface Fit {
  knobs: Knobs;
  stars: number;
}

/** A value of a knob, with the stars that it gives. */
interface Tried {
  value: number;
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

/** Where a mode has the density alone, the lowest and the highest factor of it that are tried, and the step between them. */
const thinnest = 0.25;
const densest = 6;
const densityStep = 1.3;
/** Steps in which the density alone is tried, and steps between the two nearest of them. */
const densitySteps = 12;
/** Where no density alone comes near enough, it is tried with these densities outside of the peaks: each gives other maps around the target. */
const trims = [0.94, 1.06, 0.88, 1.13, 0.82, 1.2];
const trimSteps = 5;
/** A map farther off than this has all that its song has, or nothing of it. */
const inReach = 0.2;

/**
 * Finds the knobs that bring a map to `target` stars. Where `spaced`: for the density nearest to the usual one that can reach it, the
 * spacing; else the density, with the density outside of the peaks as a trim. The rating is not quite monotonic,
 * so the best map that was seen is taken. `measure` gives the stars of a map.
 */
export function fitStars(target: number, spaced: boolean, measure: (knobs: Knobs) => number): Fit {
  let best: Fit | undefined;
  // Where the steps are fine a map is as hard as was asked or a little harder: just below the bound of a level it would be one of the level below.
  const missOf = (stars: number): number => {
    const off = Math.abs(stars - target);
    return spaced || stars >= target || off > good ? off : closeEnough + (1 - closeEnough / good) * off;
  };
  const known = new Map<string, number>();
  const look = (density: number, spacing: number): number => {
    const knobs = { density, spacing };
    const key = JSON.stringify(knobs);
    const stars = known.get(key) ?? measure(knobs);
    known.set(key, stars);
    if (!best || missOf(stars) < missOf(best.stars)) best = { knobs, stars };
    return stars;
  };
  const away = () => missOf(best!.stars);
  /** Between two values: by turns where a straight line between their stars meets the target, and in the middle (of the logarithms). */
  const close = (low: Tried, high: Tried, steps: number, at: (value: number) => number) => {
    for (let step = 0; step < steps && away() > closeEnough; step += 1) {
      const along = (target - low.stars) / (high.stars - low.stars);
      const share = step % 2 === 0 && along > 0 && along < 1 ? Math.min(0.9, Math.max(0.1, along)) : 0.5;
      const value = low.value * (high.value / low.value) ** share;
      const stars = at(value);
      if (stars < target) low = { value, stars };
      else high = { value, stars };
    }
  };
  if (!spaced) {
    const alone = (value: number): Tried => ({ value, stars: look(value, 1) });
    const usual = alone(1);
    let [low, high] = [usual, usual];
    while (high.stars < target && high.value < densest) [low, high] = [high, alone(high.value * densityStep)];
    while (low.stars > target && low.value > thinnest) [low, high] = [alone(low.value / densityStep), low];
    close(low, high, densitySteps, (density) => look(density, 1));
    const { density } = best!.knobs;
    const [below, above] = [density / 1.06, density * 1.06].map((value) => ({ value, stars: NaN }));
    for (const trim of away() < inReach ? trims : []) close(below!, above!, trimSteps, (near) => look(near, trim));
    return best!;
  }
  for (const { spacing, densities } of ranges) {
    let [sparsest, fullest] = [0, Infinity];
    for (const density of densities) {
      // What is too easy at its widest needs more objects, and then little less than its widest.
      if (density <= sparsest || density >= fullest) continue;
      const tried = (value: number): Tried => ({ value, stars: look(density, value) });
      const usual = sparsest > 0 || fullest < Infinity ? { value: 1, stars: NaN } : tried(1);
      const wider = sparsest > 0 || usual.stars < target;
      const edge = tried(spacing[wider ? 1 : 0]);
      if (wider && edge.stars < target) sparsest = density;
      else if (!wider && edge.stars > target) fullest = density;
      else {
        close(wider ? usual : edge, wider ? edge : usual, steps, (scale) => look(density, scale));
        if (away() <= good) return best!;
      }
    }
  }
  return best!;
}
