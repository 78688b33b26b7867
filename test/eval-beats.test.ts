import { expect, test } from 'vitest';
// @ts-expect-error the evaluation is plain JavaScript
import { barMeasures, beatMeasures, beatsOf, fMeasure, mainPoint, tempoErrors } from '../scripts/eval/beats.mjs';

const steady = [{ offset_ms: 100, bpm: 120, meter: 4 }];
const song = { truth: steady, range_ms: [0, 20_000], duration_s: 20 };
const times = (points: typeof steady) => beatsOf(points, [0, 20_000]).map(({ time }: { time: number }) => time);

test('a timing point is valid until the next, the first also before itself', () => {
  const beats = beatsOf(
    [
      { offset_ms: 1000, bpm: 120, meter: 4 },
      { offset_ms: 2000, bpm: 60, meter: 3 },
    ],
    [0, 5000],
  );
  expect(beats.map(({ time }: { time: number }) => time)).toEqual([0, 500, 1000, 1500, 2000, 3000, 4000, 5000]);
  expect(beats.map(({ downbeat }: { downbeat: boolean }) => downbeat)).toEqual([
    false,
    false,
    true,
    false,
    true,
    false,
    false,
    true,
  ]);
});

test('the right beats measure as right, and a constant lag can be taken off', () => {
  expect(beatMeasures(song, times(steady))).toMatchObject({ f70: 1, med: 0, within10: 1 });
  const late = times(steady).map((time: number) => time + 30);
  expect(beatMeasures(song, late).within10).toBe(0);
  expect(beatMeasures(song, late, 30).within10).toBe(1);
});

test('twice the tempo finds every beat and is not precise', () => {
  const double = times([{ offset_ms: 100, bpm: 240, meter: 4 }]);
  expect(beatMeasures(song, double).within10).toBe(1);
  expect(beatMeasures(song, double).f70).toBeCloseTo(2 / 3, 1);
  expect(tempoErrors(240.1, 120)).toMatchObject({ acc1: false, acc2: true, exact: false });
});

test('each found beat counts for one true beat only', () => {
  expect(fMeasure([0, 50], [20])).toBeCloseTo(2 / 3);
});

test('the main tempo is the one that lasts longest in all its pieces', () => {
  const points = [100, 150, 100].map((bpm, i) => ({ offset_ms: i * 4000, bpm, meter: 4 }));
  expect(mainPoint(points, [0, 11_000]).bpm).toBe(100);
});

test('bars are right when most of their first beats are met', () => {
  expect(barMeasures(song, [{ offset_ms: 2100, bpm: 120, meter: 4 }])).toEqual({ meter: true, downbeat: true });
  expect(barMeasures(song, [{ offset_ms: 600, bpm: 120, meter: 4 }])).toEqual({ meter: true, downbeat: false });
});
