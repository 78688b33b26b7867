import type { Composer, Draft } from './compose.ts';
import { clap, type HitObject } from './hit-objects.ts';
import { chooseRhythm } from './rhythm.ts';

/** Notes a second over 21 ranked maps: 0.21 + 1.22 S. */
const notesPerSecond = (stars: number) => 0.21 + 1.22 * stars;

export const taiko: Composer = {
  spaced: false,
  compose(score, plan, knobs): Draft {
    const events = chooseRhythm(score, plan, notesPerSecond(plan.stars) * knobs.density);
    const objects = events.map(({ tick }): HitObject => {
      const kat = tick.high > tick.low;
      return { kind: 'circle', x: 256, y: 192, time: tick.time, newCombo: false, sound: kat ? clap : 0 };
    });
    return { objects, speeds: [] };
  },
};
