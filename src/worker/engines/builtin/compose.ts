import type { Grid, Tick } from './hearing/grid.ts';
import type { HitObject } from './beatmap/hit-objects.ts';
import type { Plan } from './plan.ts';
import type { Random } from './random.ts';
import type { Structure } from './hearing/structure.ts';

/** A song as the mapper hears it. */
export interface Score {
  grid: Grid;
  structure: Structure;
}

/** The two knobs that the star rating is fitted with. 1 is what the plan's stars usually take. */
export interface Knobs {
  /** Scales the number of events; in mania those of the peaks, which has about as many notes at any. */
  density: number;
  /** Scales distances; in taiko and mania, which have none, the density outside of the peaks. */
  spacing: number;
}

/** One map without its file: objects in order of time and, where it has any, changes of slider or scroll speed. */
export interface Draft {
  objects: HitObject[];
  /** Speed factor from a time on, until the next. */
  speeds: { time: number; factor: number }[];
}

/** What a mode is to the generator. The same arguments give the same map. */
export interface Composer {
  compose(score: Score, plan: Plan, knobs: Knobs, random: Random): Draft;
  /** Whether `spacing` moves the stars. */
  spaced: boolean;
}

/** The part of a song between two times, without the ticks at `banned` times; bars keep their numbers. */
export function windowOf(score: Score, from: number, to: number, banned: ReadonlySet<number>): Score {
  const heard = ({ time }: Tick) => time >= from && time <= to && !banned.has(time);
  return { ...score, grid: { ...score.grid, ticks: score.grid.ticks.filter(heard) } };
}

/** Worths are compared in millionths, so that no order hangs on the last bit of a sum. */
export const quantised = (value: number) => Math.round(value * 1e6);
