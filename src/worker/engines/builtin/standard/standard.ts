import type { Composer, Draft, Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { HitObject } from '../beatmap/hit-objects.ts';
import { soundsOf } from '../hitsounds.ts';
import { rootOf } from '../hearing/structure.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { chooseRhythm, type RhythmEvent } from '../rhythm/rhythm.ts';
import { markCombos } from './combos.ts';
import { mannerOf } from './manner.ts';
import { formObjects, slidesOf } from './objects.ts';
import { placeObjects, type PlacedObject } from './placement.ts';
import { changesOf, speedsOfBars } from './speed.ts';
import { findSpinners } from './spinners.ts';

/**
 * Objects a second over 88 ranked maps (0.77 S − 0.04; above 6.5 stars it is spacing that grows), and in dense maps as many more as become
 * ends of sliders.
 */
function headsPerSecond(stars: number): number {
  const usual = Math.max(0.3, 0.77 * Math.min(stars, 6.5) - 0.04) + 0.3 * Math.max(0, stars - 6.5);
  return stars >= 4 ? 1.08 * usual : usual;
}
/** Events (heads, reverses and ends) an object in the same maps: 1.4 (Expert) to 2 (Easy). */
const eventsPerHead = 1.55;

export const standard: Composer = {
  spaced: true,
  compose(score, plan, knobs, random): Draft {
    const manner = mannerOf(plan, knobs.density);
    const speeds = speedsOfBars(score, manner, random);
    const perSecond = headsPerSecond(plan.stars) * knobs.density;
    const { spinners, events: heads } = findSpinners(chooseHeads(score, plan, perSecond, random), score, plan, manner);
    const events = chooseRhythm(score, plan, eventsPerHead * perSecond);
    const starts = spinners.map(({ start }) => start);
    const objects = formObjects(heads, events, starts, score, plan, manner, speeds, random);
    for (const { start, end } of spinners)
      objects.push({ kind: 'spinner', start, end, edges: [start], newCombo: true });
    objects.sort((a, b) => a.start.index - b.start.index);
    markCombos(objects, score, plan.level);
    const needs = {
      plan,
      manner,
      speeds,
      random,
      intensity: score.structure.intensity,
      spacing: knobs.spacing,
      radius: circleRadius(plan.cs),
    };
    const placed = placeObjects(objects, score.structure, needs);
    const heard = soundsOf(score);
    const soundAt = (tick: Tick) => (plan.hitsounded ? (heard.get(tick.index) ?? 0) : 0);
    return { objects: placed.map((object) => hitObject(object, soundAt)), speeds: changesOf(score, speeds) };
  },
};

/** Share of the quarters that stand beside one other head alone that stay: people's maps have one to four such pairs a minute. */
const loosePairs = 0.12;

/** About `perSecond` heads, without nearly all quarters that would make a pair with the beat or half beside them: they may be ends of sliders. */
function chooseHeads(score: Score, plan: Plan, perSecond: number, random: Random): RhythmEvent[] {
  const isKept = ({ run, tick: { bar, place, phase, tempo } }: RhythmEvent) =>
    run.length !== 2 ||
    phase !== 2 ||
    tempo.ticksPerBeat === 3 ||
    random('pair', rootOf(bar, score.structure.twins), 12 * place) < loosePairs;
  const all = chooseRhythm(score, plan, perSecond);
  const share = all.filter(isKept).length / Math.max(1, all.length);
  return chooseRhythm(score, plan, perSecond / Math.max(0.5, share)).filter(isKept);
}

function hitObject({ object, position, slider }: PlacedObject, soundAt: (tick: Tick) => number): HitObject {
  const { kind, start, end, edges, newCombo } = object;
  if (kind === 'spinner') {
    return { kind, time: start.time, endTime: end.time, newCombo: true, sound: soundAt(end) };
  }
  const { x, y } = position;
  const { time } = start;
  if (!slider) return { kind: 'circle', x, y, time, newCombo, sound: soundAt(start) };
  const { path, length } = slider;
  const [slides, edgeSounds] = [slidesOf(object), edges.map(soundAt)];
  return { kind: 'slider', x, y, time, newCombo, sound: 0, endTime: end.time, path, length, slides, edgeSounds };
}

/** Radius of a circle in px, by circle size. */
export const circleRadius = (cs: number): number => 54.4 - 4.48 * cs;
