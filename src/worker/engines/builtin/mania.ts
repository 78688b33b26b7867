import type { Composer, Draft } from './compose.ts';
import type { HitObject } from './hit-objects.ts';
import { chooseRhythm } from './rhythm.ts';

/** Notes a second over about 100 community maps: 2.2 + 2.2 S. */
const notesPerSecond = (stars: number) => 2.2 + 2.2 * stars;

export const mania: Composer = {
  spaced: false,
  compose(score, plan, knobs, random): Draft {
    const events = chooseRhythm(score, plan, notesPerSecond(plan.stars) * knobs.density);
    let last = -1;
    const objects = events.map(({ tick }): HitObject => {
      let column = Math.floor(random('column', tick.index) * plan.cs);
      if (column === last) column = (column + 1) % plan.cs;
      last = column;
      const x = Math.floor(((column + 0.5) * 512) / plan.cs);
      return { kind: 'circle', x, y: 192, time: tick.time, newCombo: false, sound: 0 };
    });
    return { objects, speeds: [] };
  },
};
