import { beforeAll, describe, expect, test } from 'vitest';
import { makeMap } from '../src/worker/engines/builtin/generate.ts';
import { analyseSong, type Song } from '../src/worker/engines/builtin/song.ts';
import { endOf, type HitObject } from '../src/worker/engines/builtin/beatmap/hit-objects.ts';
import { mania } from '../src/worker/engines/builtin/mania/mania.ts';
import { planMap, type MapParams } from '../src/worker/engines/builtin/plan.ts';
import { createRandom } from '../src/worker/engines/builtin/random.ts';
import { verifyMap } from '../src/worker/verify/verify.ts';
import { synthesise, wavBytes } from './song.ts';

const bpm = 160;
const beatMs = 60_000 / bpm;
const offsetMs = 700;

let song: Song;
beforeAll(async () => {
  song = await analyseSong(wavBytes(synthesise({ bpm, offsetMs, seconds: 60 })), { bpm, offset: offsetMs });
});

type Placed = Exclude<HitObject, { kind: 'spinner' }>;

function compose(params: MapParams, density = 1) {
  const { plan } = planMap({ gamemode: 3, ...params });
  return mania.compose(song.score, plan, { density, spacing: 1 }, createRandom(params.seed ?? 1));
}
const notes = (params: MapParams, density?: number) => compose(params, density).objects as Placed[];
const columnOf = ({ x }: Placed, keys: number) => Math.floor((x * keys) / 512);
const columns = (all: readonly Placed[], keys: number) =>
  Array.from({ length: keys }, (_, column) => all.filter((note) => columnOf(note, keys) === column));
const rowsOf = (all: readonly Placed[]) => {
  const rows = new Map<number, Placed[]>();
  for (const note of all) rows.set(note.time, [...(rows.get(note.time) ?? []), note]);
  return [...rows.values()];
};

describe.each([4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18])('with %d keys', (keycount) => {
  test('every column is used alike, and none twice at a time', () => {
    const all = notes({ keycount, difficulty: 5 });
    const counts = columns(all, keycount).map((column) => column.length);
    const mean = all.length / keycount;
    const deviation = Math.sqrt(counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / keycount);
    expect(deviation / mean).toBeLessThanOrEqual(0.08);
    for (const row of rowsOf(all)) expect(new Set(row.map(({ x }) => x)).size).toBe(row.length);
  });

  test.each([0, 0.05, 0.5, 1])('a share of %d of the notes is long, in every level', (hold_note_ratio) => {
    for (const difficulty of [1.8, 2.5, 3.5, 5, 7]) {
      const all = notes({ keycount, difficulty, hold_note_ratio });
      const long = all.filter(({ kind }) => kind === 'hold');
      expect(long.length).toBe(Math.round(hold_note_ratio * all.length));
      for (const column of columns(all, keycount)) {
        column.forEach((note, i) => {
          if (i > 0) expect(note.time - endOf(column[i - 1]!)).toBeGreaterThan(30);
        });
      }
      for (const note of long) expect(endOf(note) - note.time).toBeGreaterThanOrEqual(20);
    }
  });
});

test.each([1.8, 2.5, 3.5, 5, 6.5])('a map of %d stars has them and breaks no rule', (difficulty) => {
  for (const keycount of [4, 7]) {
    const { text, stars } = makeMap(song, { filename: 'a.mp3' }, { gamemode: 3, difficulty, keycount, seed: 3 });
    expect(Math.abs(stars - difficulty)).toBeLessThanOrEqual(0.05);
    expect(verifyMap(text, undefined, { stars }).issues.filter(({ level }) => level === 'blocking')).toEqual([]);
  }
});

test('chords are no larger than their level has them, however dense the map', () => {
  const largest = (params: MapParams) => Math.max(...rowsOf(notes(params, 4)).map((row) => row.length));
  expect([1.8, 2.5, 3.5].map((difficulty) => largest({ difficulty, keycount: 4 }))).toEqual([2, 2, 3]);
  expect([1.8, 2.5, 3.5].map((difficulty) => largest({ difficulty, keycount: 7 }))).toEqual([2, 3, 4]);
  expect(largest({ difficulty: 5, keycount: 10 })).toBeLessThanOrEqual(6);
});

/** Share of notes whose column was pressed at most this many beats before. */
function jacks(all: readonly Placed[], keys: number, beats: number): number {
  const close = columns(all, keys).map(
    (column) => column.filter((note, i) => i > 0 && note.time - column[i - 1]!.time < beats * beatMs).length,
  );
  return close.reduce((sum, count) => sum + count, 0) / all.length;
}

test('below four stars no column is pressed twice within a quarter', () => {
  for (const keycount of [4, 7]) expect(jacks(notes({ keycount, difficulty: 3.9 }, 2), keycount, 0.3)).toBe(0);
});

test('scroll speeds change as often as was asked, up by a tenth at most, and not in the low levels', () => {
  for (const ratio of [0.02, 0.2, 1]) {
    const { objects, speeds } = compose({ difficulty: 5, scroll_speed_ratio: ratio });
    expect(speeds.length).toBe(Math.round(ratio * rowsOf(objects as Placed[]).length));
    for (const { factor } of speeds) expect(factor).toBeLessThanOrEqual(1.1);
  }
  expect(compose({ difficulty: 2.4, scroll_speed_ratio: 0.5 }).speeds).toEqual([]);
});

test('descriptors and their negatives move what they name', () => {
  const chord = (params: MapParams) => {
    const all = notes({ difficulty: 4.6, ...params });
    return all.length / rowsOf(all).length;
  };
  const jack = (params: MapParams) => jacks(notes({ difficulty: 4.6, ...params }, 0.7), 4, 0.6);
  const long = (params: MapParams) => {
    const all = notes({ difficulty: 4.6, ...params });
    return all.filter(({ kind }) => kind === 'hold').length / all.length;
  };
  expect(chord({ descriptors: ['jumpstream'] })).toBeGreaterThan(1.1 * chord({}));
  expect(chord({ negative_descriptors: ['jumpstream'] })).toBeLessThan(chord({}));
  expect(jack({ descriptors: ['longjack'] })).toBeGreaterThan(1.2 * jack({}));
  expect(jack({ negative_descriptors: ['longjack'] })).toBeLessThan(jack({}));
  expect(long({ descriptors: ['ln density'] })).toBeGreaterThan(0.4);
  expect(long({ negative_descriptors: ['ln density'] })).toBe(0);
});

test('a denser map has its densest parts where the music is intense', () => {
  const all = notes({ difficulty: 5 });
  const perSecond = (from: number, to: number) =>
    all.filter(({ time }) => time >= from && time < to).length / ((to - from) / 1000);
  expect(perSecond(15_000, 60_000)).toBeGreaterThan(1.2 * perSecond(0, 15_000));
});

test('another seed gives another map of the same song', () => {
  const key = ({ time, x }: Placed) => `${time} ${x}`;
  const [one, other] = [notes({ difficulty: 5 }), notes({ difficulty: 5, seed: 2 })];
  const keys = new Set(one.map(key));
  expect(other.filter((note) => !keys.has(key(note))).length / other.length).toBeGreaterThan(0.3);
  expect(notes({ difficulty: 5 })).toEqual(one);
});

test('no column stays empty in the easiest map of many keys', () => {
  for (const keycount of [14, 18]) {
    const counts = columns(notes({ keycount, difficulty: 0.03 }, 0.25), keycount).map((column) => column.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
  }
});
