import type { Composer, Draft } from '../compose.ts';
import type { Tempo } from '../hearing/grid.ts';
import { clap, finish, type HitObject } from '../beatmap/hit-objects.ts';
import type { Plan } from '../plan.ts';
import { evenness, rhythmWithPeaks } from '../peaks.ts';
import { scrollSpeeds } from '../scroll.ts';
import { colourNotes } from './colours.ts';
import { placeFinishers } from './finishers.ts';
import { isCrowding, placeSpans, spanObject } from './spinners.ts';
import { countedBeatMs, inOddRuns, sparing, withoutLooseQuarters, withRestAfterPairs } from './notes.ts';

/** Notes a second over 21 ranked maps: 0.21 + 1.22 S, and in their densest eight seconds. */
const notesPerSecond = (stars: number) => 0.21 + 1.22 * stars;
const densest = (stars: number) => 2 + 2 * stars;

/** Of two seeds' events about a tenth differ, where the stars leave a choice. */
const chance = 0.5;

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
      mean: notesPerSecond(plan.stars) * density ** 0.5 * spacing * evenness(plan),
      peak: densest(plan.stars) * density,
      share: Math.max(1, density),
      fastestMs: fastestOf(plan),
      chance,
    };
    const events = rhythmWithPeaks(score, plan, wanted, random);
    const spans = placeSpans(score, plan);
    const free = events.filter(({ tick }) => !spans.some((span) => isCrowding(tick, span)));
    const spared = sparing(score, plan, random);
    const runs = inOddRuns(withoutLooseQuarters(free, spared), plan.level, spared);
    const notes = withRestAfterPairs(runs, plan.level).map(({ tick }) => tick);
    const kats = colourNotes(notes, score, plan, random);
    const finishers = placeFinishers(notes, kats, score, plan);
    const objects = notes.map((tick, i): HitObject => {
      const sound = (kats[i] ? clap : 0) | (finishers[i] ? finish : 0);
      return { kind: 'circle', x: 256, y: 192, time: tick.time, newCombo: false, sound };
    });
    const speeds = scrollSpeeds(notes, score, plan, random);
    objects.push(...spans.map((span) => spanObject(span, plan, speeds)));
    objects.sort((a, b) => a.time - b.time);
    return { objects, speeds };
  },
};
