import type { Knobs } from './map.ts';

export interface Fit {
  knobs: Knobs;
  stars: number;
}

const closeEnough = 0.02;
/** What is accepted once every step of one density has been tried. */
const good = 0.05;
const spacingRange: readonly [number, number] = [0.55, 1.8];
const steps = 8;
/** Human maps of a rating differ by about a fifth in density; farther ones are for songs and targets at the edge. */
const densities = [1, 1.12, 0.9, 1.25, 0.8, 1.4, 0.68, 1.6, 0.55, 1.9, 0.42, 2.4, 0.3];

/**
 * Finds the knobs that bring a map to `target` stars: for the density nearest to the usual one that can reach it, the spacing, by
 * bisection. The rating is not quite monotonic, so the best map that was seen is taken. `measure` gives the stars of a map.
 */
export function fitStars(target: number, measure: (knobs: Knobs) => number): Fit {
  let best: Fit | undefined;
  const look = (density: number, spacing: number): number => {
    const knobs = { density, spacing };
    const stars = measure(knobs);
    if (!best || Math.abs(stars - target) < Math.abs(best.stars - target)) best = { knobs, stars };
    return stars;
  };
  for (const density of densities) {
    let [low, high] = spacingRange;
    if (look(density, low) > target || look(density, high) < target) continue;
    for (let step = 0; step < steps && Math.abs(best!.stars - target) > closeEnough; step += 1) {
      const spacing = Math.sqrt(low * high);
      if (look(density, spacing) < target) low = spacing;
      else high = spacing;
    }
    if (Math.abs(best!.stars - target) <= good) break;
  }
  return best!;
}
