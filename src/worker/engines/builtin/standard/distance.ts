import { pxPerBeat, type Plan } from '../plan.ts';
import type { Manner } from './manner.ts';
import { gapBeats, isStreamed } from './motifs.ts';
import type { TimedObject } from './objects.ts';

/** Distance spacing that beginners can read rhythm from, for Easy and Normal. */
const snapRange: readonly (readonly [number, number])[] = [
  [0.8, 1.2],
  [0.8, 1.3],
];
/** Half a beat of 180 BPM, for which the distances of human maps were measured. */
const usualHalfMs = 167;
/** Objects of beginners that come faster than this must overlap: ms, and their distance in radii. */
const closeMs = 195;
const closeRadii = 1.5;
/**
 * How distances shrink with gaps under half a beat: (gap ÷ half a beat) to this power. From circles movements are about as fast as at half a beat; from the
 * ends of sliders they are faster: at a quarter beat 0.62 to 0.85 of the distance at half a beat in ranked maps of 3 to 7 stars.
 */
const afterCircle = 0.9;
const afterSlider = 0.7;

export interface DistanceNeeds {
  plan: Plan;
  manner: Manner;
  /** The knob: scales all distances. */
  spacing: number;
  radius: number;
  speeds: readonly number[];
  /** Of each bar, 0 to 1. */
  intensity: readonly number[];
}

/** Distance from the end of one object to the head of the next, px; `scale` is that of the pattern. */
export function distanceBetween(before: TimedObject, object: TimedObject, scale: number, needs: DistanceNeeds): number {
  const { plan, manner, spacing, radius } = needs;
  const gap = Math.min(4, gapBeats(before, object));
  const gapMs = object.start.time - before.end.time;
  if (plan.level <= 1) {
    const [low, high] = snapRange[plan.level]!;
    const snapped = within(spacing, low, high) * pxPerBeat(plan, object.start.tempo) * gap;
    // As far as a circle's width where the settings allow it: circles of beginners do not overlap.
    const clear = gap >= 1 ? Math.min(high / within(spacing, low, high), Math.max(1, (2 * radius + 4) / snapped)) : 1;
    const distance = Math.min(manner.farthest, snapped * clear);
    return gapMs < closeMs ? Math.min(distance, closeRadii * radius) : distance;
  }
  const { strength, bar } = object.start;
  const [calm, intense] = manner.sections;
  const section = calm + (intense - calm) * (needs.intensity[bar] ?? 0.5);
  const accent = section * (1 + manner.accent * (within((strength - 0.6) / 1.6, 0, 1) - 0.5));
  if (isStreamed(before, object)) {
    // In a Hard every second note of a stream is clear of the first.
    const least = plan.level === 2 ? 0.65 * radius : 6;
    return Math.max(least, manner.streamPx * spacing ** 1.5 * scale ** 0.5);
  }
  const growth = gapMs >= usualHalfMs ? manner.growth : before.kind === 'slider' ? afterSlider : afterCircle;
  const time = Math.min((gapMs / usualHalfMs) ** growth, 2.5);
  const wished = manner.halfPx * time * scale * accent * spacing;
  // Insane and harder maps may overlap a little, Hard ones not.
  const least = (plan.level === 2 ? 2.05 : 1.3) * radius * Math.min(1, 2 * gap);
  return within(wished, Math.min(least, manner.farthest), manner.farthest);
}

const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
