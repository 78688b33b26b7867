import type { Grid, Structure } from './grid.ts';
import { edgeSound } from './hitsounds.ts';
import { formObjects } from './objects.ts';
import type { Effect } from './osu-file.ts';
import { preemptMs, type Plan } from './plan.ts';
import type { Random } from './random.ts';
import { chooseRhythm, mod } from './rhythm.ts';
import { placeObjects, type PlacedObject } from './standard.ts';
import { ticksPerBar } from './grid.ts';

/** A song as the mapper sees it. */
export interface Score {
  grid: Grid;
  structure: Structure;
}

/** The two knobs of the star rating. */
export interface Knobs {
  density: number;
  spacing: number;
}

export interface MapDraft {
  objects: PlacedObject[];
  hitObjects: string[];
}

/** One whole map of the song for the given knobs. The same arguments give the same map. */
export function draftMap(score: Score, plan: Plan, knobs: Knobs, hitsounded: boolean, random: Random): MapDraft {
  const events = chooseRhythm(score.grid, score.structure, plan, knobs.density);
  // Wide spacing comes with fewer sliders, as in human maps: chains of circles are what carries it.
  const sliderShare = plan.sliderShare * Math.min(1.15, Math.max(0.6, 1.35 - 0.35 * knobs.spacing));
  const timed = formObjects(events, { ...plan, sliderShare });
  const objects = placeObjects(timed, plan, score.grid.beatMs, knobs.spacing, random);
  return { objects, hitObjects: objects.map((object) => hitObjectLine(object, score, hitsounded)) };
}

const circleBit = 1;
const sliderBit = 2;
const newComboBit = 4;

function hitObjectLine(object: PlacedObject, { structure }: Score, hitsounded: boolean): string {
  const { position, start, end, path, length } = object;
  const starts = new Set(structure.sections.map((section) => section.firstBar));
  const soundOf = (tick: typeof start) => (hitsounded ? edgeSound(tick, starts.has(structure.barOf(tick))) : 0);
  const combo = object.newCombo ? newComboBit : 0;
  const head = `${position.x},${position.y},${start.time}`;
  if (!path || !end || length === undefined) return `${head},${circleBit | combo},${soundOf(start)},0:0:0:0:`;
  const points = path.points.slice(1).map(({ x, y }) => `${x}:${y}`);
  const px = Math.round(length * 1e6) / 1e6;
  const sounds = `${soundOf(start)}|${soundOf(end)}`;
  return `${head},${sliderBit | combo},0,${path.type}|${points.join('|')},1,${px},${sounds},0:0|0:0,0:0:0:0:`;
}

const quietest = 45;
const loudest = 75;

/** Green lines at the starts of sections: volume by intensity, kiai where the song is most intense. */
export function effectsOf({ grid, structure }: Score): Effect[] {
  const effects: Effect[] = [];
  for (const section of structure.sections) {
    const tick = grid.ticks.find(
      (candidate) => structure.barOf(candidate) === section.firstBar && mod(candidate.index, ticksPerBar) === 0,
    );
    if (!tick) continue;
    const volume = Math.round(quietest + (loudest - quietest) * section.intensity);
    const last = effects.at(-1);
    if (last && last.volume === volume && last.kiai === section.kiai) continue;
    effects.push({ time: tick.time, volume, kiai: section.kiai });
  }
  return effects;
}

const shortestBreakGapMs = 5_000;
const afterObjectMs = 200;
const shortestBreakMs = 650;

/** Breaks in the pauses of at least five seconds: 200 ms after the last object, over before the next one appears. */
export function breaksOf(objects: readonly PlacedObject[], ar: number): [number, number][] {
  const breaks: [number, number][] = [];
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    if (!before) return;
    const start = (before.end ?? before.start).time + afterObjectMs;
    const end = Math.floor(object.start.time - preemptMs(ar));
    if (object.start.time - start >= shortestBreakGapMs && end - start >= shortestBreakMs) breaks.push([start, end]);
  });
  return breaks;
}

/** Where the song is previewed: its first kiai, else 40 % in. */
export function previewOf(effects: readonly Effect[], durationMs: number): number {
  return effects.find(({ kiai }) => kiai)?.time ?? Math.round(durationMs * 0.4);
}
