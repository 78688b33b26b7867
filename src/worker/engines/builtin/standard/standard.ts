import type { Composer, Draft, Score } from '../compose.ts';
import type { Tempo } from '../grid.ts';
import type { HitObject } from '../hit-objects.ts';
import { edgeSound } from '../hitsounds.ts';
import type { Plan } from '../plan.ts';
import { chooseRhythm } from '../rhythm.ts';
import { formObjects } from './objects.ts';
import { placeObjects, type PlacedObject } from './placement.ts';

/** What osu!standard adds to a plan. */
export interface StandardPlan extends Plan {
  /** Share of objects that are sliders. */
  sliderShare: number;
  /** Speed in px/ms between two circles half a beat apart. */
  jumpSpeed: number;
}

const sliderShares = [0.7, 0.52, 0.54, 0.46, 0.38, 0.4];

/** Over 88 ranked maps: events (heads and tails) a second 1.20 S − 0.14; half-beat jump speed −0.35 + 0.24 S px/ms. */
const eventsPerSecond = (stars: number) => Math.max(0.8, 1.2 * stars - 0.14);
const jumpSpeed = (stars: number) => Math.max(0.25, -0.35 + 0.24 * stars);

export const standard: Composer = {
  spaced: true,
  compose(score, plan, knobs, random): Draft {
    const events = chooseRhythm(score, plan, eventsPerSecond(plan.stars) * knobs.density);
    // Wide spacing comes with fewer sliders, as in human maps: chains of circles are what carries it.
    const sliderShare = sliderShares[plan.level]! * Math.min(1.15, Math.max(0.6, 1.35 - 0.35 * knobs.spacing));
    const own: StandardPlan = { ...plan, sliderShare, jumpSpeed: jumpSpeed(plan.stars) };
    const placed = placeObjects(formObjects(events, own), own, knobs.spacing, random);
    return { objects: placed.map((object) => hitObject(object, score, plan.hitsounded)), speeds: [] };
  },
};

function hitObject(object: PlacedObject, { structure }: Score, hitsounded: boolean): HitObject {
  const { position, start, end, path, length, newCombo } = object;
  const starts = new Set(structure.sections.map((section) => section.firstBar));
  const soundOf = (tick: typeof start) => (hitsounded ? edgeSound(tick, starts.has(tick.bar)) : 0);
  const head = { ...position, time: start.time, newCombo };
  if (!path || !end || length === undefined) return { kind: 'circle', ...head, sound: soundOf(start) };
  const edgeSounds = [soundOf(start), soundOf(end)];
  return { kind: 'slider', ...head, sound: 0, endTime: end.time, path, length, slides: 1, edgeSounds };
}

/** Length of a slider of one beat of the grid, px. */
export const pxPerBeat = ({ sliderMultiplier }: Plan, { pulse }: Tempo): number => (100 * sliderMultiplier) / pulse;

/** Radius of a circle in px, by circle size. */
export const circleRadius = (cs: number): number => 54.4 - 4.48 * cs;
