import type { Composer, Draft } from './compose.ts';
import type { HitObject } from './hit-objects.ts';
import { chooseRhythm } from './rhythm.ts';

/** Objects a second over 19 ranked maps: 1.0 + 0.66 S. */
const objectsPerSecond = (stars: number) => 1 + 0.66 * stars;

export const catcher: Composer = {
  spaced: true,
  compose(score, plan, knobs, random): Draft {
    const events = chooseRhythm(score, plan, objectsPerSecond(plan.stars) * knobs.density);
    let x = 256;
    let before = 0;
    const objects = events.map(({ tick }, i): HitObject => {
      const step = Math.min(0.2 * knobs.spacing * (tick.time - before), 200);
      const direction = random('walk', tick.index) < 0.5 ? -1 : 1;
      const next = x + direction * step;
      x = Math.round(next < 16 || next > 496 ? x - direction * step : next);
      x = Math.min(496, Math.max(16, x));
      before = tick.time;
      return { kind: 'circle', x, y: 192, time: tick.time, newCombo: i % 8 === 0, sound: 0 };
    });
    return { objects, speeds: [] };
  },
};
