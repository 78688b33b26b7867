import type { Composer, Draft, Score } from '../compose.ts';
import type { Tempo, Tick } from '../grid.ts';
import { clap, finish, type HitObject, type Spinner } from '../hit-objects.ts';
import type { Plan } from '../plan.ts';
import { rhythmWithPeaks } from '../peaks.ts';
import { scrollSpeeds } from '../scroll.ts';
import { colourNotes } from './colours.ts';
import { placeFinishers } from './finishers.ts';
import { countedBeatMs, withoutLooseQuarters, withRestAfterPairs } from './notes.ts';

/** Notes a second over 21 ranked maps: 0.21 + 1.22 S, and in their densest eight seconds. */
const notesPerSecond = (stars: number) => 0.21 + 1.22 * stars;
const densest = (stars: number) => 2 + 2 * stars;

/** A sixth of a beat of 180 BPM, for which the rhythm rules are written; an eighth of it from 6 stars on. */
const fastestOf =
  ({ stars, level }: Plan) =>
  (tempo: Tempo) =>
    // An Oni has sixths of a counted beat at most (T01).
    level < 4 ? Math.max(55, countedBeatMs(tempo) / 6 - 2) : stars < 6 ? 55 : 42;

export const taiko: Composer = {
  spaced: false,
  compose(score, plan, knobs, random): Draft {
    const { density, spacing } = knobs;
    const wanted = {
      mean: notesPerSecond(plan.stars) * density ** 0.5 * spacing,
      peak: densest(plan.stars) * density,
      share: Math.max(1, density),
      fastestMs: fastestOf(plan),
    };
    const events = rhythmWithPeaks(score, plan, wanted, random);
    const notes = withRestAfterPairs(withoutLooseQuarters(events), plan.level).map(({ tick }) => tick);
    const kats = colourNotes(notes, score, plan, random);
    const finishers = placeFinishers(notes, kats, score, plan);
    const objects = notes.map((tick, i): HitObject => {
      const sound = (kats[i] ? clap : 0) | (finishers[i] ? finish : 0);
      return { kind: 'circle', x: 256, y: 192, time: tick.time, newCombo: false, sound };
    });
    return { objects: withSpinners(objects, notes, score, plan), speeds: scrollSpeeds(notes, score, plan, random) };
  },
};

const shortestSpinnerBeats = 3;
/** Longer pauses are breaks. */
const longestPauseMs = 5_000;
const mostSpinners = 2;

/** A spinner (denden) in up to two pauses in which the music goes on, a beat from the notes around (T12 asks for half of one). */
function withSpinners(objects: HitObject[], notes: readonly Tick[], { grid }: Score, { style }: Plan): HitObject[] {
  if (style.spinners < 0 || style.simple > 0) return objects;
  const usual = grid.ticks.reduce((sum, { loudness }) => sum + loudness, 0) / Math.max(1, grid.ticks.length);
  const pauses = notes.flatMap((tick, i) => {
    const next = notes[i + 1];
    const { beatMs, ticksPerBeat } = tick.tempo;
    if (!next || next.tempo !== tick.tempo || next.time - tick.time >= longestPauseMs) return [];
    if (next.time - tick.time < (shortestSpinnerBeats + 2) * beatMs - 2) return [];
    const inside = grid.ticks.filter(({ time }) => time > tick.time && time < next.time);
    const heard = inside.reduce((sum, { loudness }) => sum + loudness, 0) / inside.length;
    const [first, last] = [inside[ticksPerBeat - 1], inside.at(-ticksPerBeat)];
    return heard > 0.8 * usual && first && last ? [{ heard, first, last }] : [];
  });
  const loudest = pauses.sort((a, b) => b.heard - a.heard || a.first.index - b.first.index).slice(0, mostSpinners);
  const spinners = loudest.map(({ first, last }): Spinner => {
    return { kind: 'spinner', time: first.time, endTime: last.time, newCombo: false, sound: 0 };
  });
  return [...objects, ...spinners].sort((a, b) => a.time - b.time);
}
