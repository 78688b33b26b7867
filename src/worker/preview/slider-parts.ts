import type { Beatmap } from '../verify/beatmap.ts';
import type { MapObject, SliderShape } from '../verify/hit-object.ts';
import { beatMs } from '../verify/timing-lines.ts';
import { PreviewError } from './preview-error.ts';

/** What a slider is judged by; `last tick` only lays out the tiny droplets of catch. */
export interface SliderPart {
  kind: 'head' | 'tick' | 'repeat' | 'last tick' | 'tail';
  time: number;
  /** Where on the path, 0 to 1. */
  progress: number;
}

/** Of all sliders of a map; a marathon of an hour has half of it. */
const mostParts = 60_000;
/** The game lets go of a slider this early, ms. */
const leniency = 36;
/** The longest way that ticks are laid on, px. */
const longest = 100_000;

export type PartsOf = (slider: SliderShape, object: MapObject) => SliderPart[];

/** The parts of a map's sliders as the game lays them out (ppy/osu, SliderEventGenerator), each slider's in order of time but for the last tick. */
export function sliderParts({ timing, tickRate, sliderMultiplier, format }: Beatmap): PartsOf {
  let made = 0;

  return (slider, { time }) => {
    const { slides, spanMs } = slider;
    const { tempo, speed } = timing.at(time);
    // The game keeps a line's −100 / speed as a short float: whether a tick lies too near to the end may hang on that.
    const scoring = (1e4 * sliderMultiplier) / Math.fround(100 / speed);
    // Before format 8 a slider's speed did not move its ticks apart.
    const tick = scoring / (format < 8 ? speed : 1) / tickRate;
    const along = ticksAlong(lengthOf(slider), tick, (10 * scoring) / beatMs(tempo));
    made += slides * (along.length + 1);
    if (made > mostParts) throw new PreviewError('preview_too_large', `The sliders have more than ${mostParts} parts.`);

    const parts: SliderPart[] = [{ kind: 'head', time, progress: 0 }];
    for (let slide = 0; slide < slides; slide++) {
      const start = time + slide * spanMs;
      const back = slide % 2 === 1;
      for (const share of back ? along.toReversed() : along)
        parts.push({ kind: 'tick', time: start + (back ? 1 - share : share) * spanMs, progress: share });
      if (slide < slides - 1) parts.push({ kind: 'repeat', time: start + spanMs, progress: back ? 0 : 1 });
    }
    return [...parts, lastTick(slider, time), { kind: 'tail', time: time + slides * spanMs, progress: slides % 2 }];
  };
}

/** px of one way; not the written length, which may be negative. */
export const lengthOf = ({ spanMs, velocity }: SliderShape): number => spanMs * velocity;

/** Where ticks lie on one way along the path, 0 to 1; none from `clear` px before its end on, where the ball is within 10 ms. */
function ticksAlong(length: number, tick: number, clear: number): number[] {
  const way = Math.min(longest, length);
  const step = Math.min(tick, way);
  const shares: number[] = [];
  for (let d = step; step > 0 && d < way - clear && shares.length < mostParts; d += step) shares.push(d / way);
  return shares;
}

function lastTick({ slides, spanMs }: SliderShape, start: number): SliderPart {
  const lastSpan = start + (slides - 1) * spanMs;
  const time = Math.max(start + (slides * spanMs) / 2, lastSpan + spanMs - leniency);
  const progress = (time - lastSpan) / spanMs;
  return { kind: 'last tick', time, progress: slides % 2 === 0 ? 1 - progress : progress };
}
