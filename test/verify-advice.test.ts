import { describe, expect, test } from 'vitest';
import { verifyMap, type VerifyOptions } from '../src/worker/verify/verify.ts';
import { circle, instead, mapText, times, type Change } from './verify-map.ts';

const advice = (mode: 0 | 1 | 2 | 3, version: string, change: Change, options: VerifyOptions = {}) =>
  new Set(
    verifyMap(mapText(mode, version, change), undefined, { stars: 3, ...options })
      .issues.filter(({ level }) => level === 'advisory')
      .map(({ id }) => id),
  );

const timing =
  (...lines: string[]): Change =>
  (map) => {
    map.timing.push(...lines);
  };
const setting =
  (name: string, value: number): Change =>
  (map) => {
    map.difficulty[name] = value;
  };
const only =
  (...lines: string[]): Change =>
  (map) => {
    map.objects = lines;
  };
const slider = (time: number, path: string, slides: number, length: number, x = 256, y = 192) =>
  `${x},${y},${time},2,8,${path},${slides},${length}`;
const spinner = (from: number, to: number) => `256,192,${from},12,8,${to},0:0:0:0:`;
const hold = (from: number, to: number, x = 64) => `${x},192,${from},128,0,${to}:0:0:0:0:`;
const steps = (from: number, gap: number, ...xs: number[]) => xs.map((x, i) => circle(Math.round(from + gap * i), x));
const dons = (from: number, gap: number, count: number) =>
  times(0, count - 1, 1).map((i) => circle(Math.round(from + gap * i), 256, 192, 0));
const thirds = only(...times(0, 240, 1).map((i) => circle(Math.floor(1000 + (500 / 3) * i), i % 2 ? 200 : 300)));

describe.each<
  [id: string, what: string, mode: 0 | 1 | 2 | 3, version: string, change: Change, options?: VerifyOptions]
>([
  ['A01', 'kiai off the grid', 0, 'Hard', timing('9013,-100,4,1,0,60,0,1')],
  ['A02', 'a change of speed just after an object', 0, 'Hard', timing('9003,-50,4,1,0,60,0,0')],
  ['A03', 'thirds with a tick rate of 2', 0, 'Hard', (map) => (thirds(map), setting('SliderTickRate', 2)(map))],
  ['A05', 'a song that goes on', 0, 'Hard', () => undefined, { songMs: 60_000 }],
  ['B07', 'a moved nightcore beat', 0, 'Hard', timing('10000,500,4,1,0,60,1,0')],
  ['B10', 'a very short break', 0, 'Hard', (map) => (instead()(map), map.events.push('2,12000,12600'))],
  ['B12', 'a dim colour', 0, 'Hard', (map) => map.colours.push('Combo3 : 40,40,40')],
  [
    'B17',
    'some seconds without hit sounds',
    0,
    'Hard',
    (map) =>
      (map.objects = times(1000, 41_000, 500).map((time) => circle(time, 256, 192, time % 14_000 === 0 ? 8 : 0))),
  ],
  ['B19', 'quiet objects', 0, 'Hard', timing('9000,-100,4,1,0,15,0,0')],
  ['S03', 'a tight spinner', 0, 'Easy', instead(spinner(11_000, 12_150))],
  ['S04', 'a tight rest', 0, 'Easy', instead(spinner(11_000, 13_000), circle(14_100))],
  [
    'S05',
    'a perfect stack',
    0,
    'Insane',
    (map) => ((map.general['StackLeniency'] = 0), instead(circle(11_000), circle(11_090))(map)),
  ],
  ['S06', 'a wide movement', 0, 'Insane', instead(...steps(11_000, 83, 100, 120, 140, 160, 180, 340))],
  ['S10', 'a slider to its own head', 0, 'Insane', instead(slider(11_000, 'P|356:192|256:193', 1, 314))],
  ['S20', 'another distance', 0, 'Easy', instead(...steps(11_000, 500, 156, 356, 156, 250))],
  [
    'S21',
    'sliders only',
    0,
    'Easy',
    instead(...times(11_000, 19_000, 1000).map((time) => slider(time, 'L|356:192', 1, 140))),
  ],
  ['S22', 'a covered reverse', 0, 'Hard', instead(circle(10_750, 396), slider(11_000, 'L|396:192', 2, 140))],
  ['S23', 'a stream in a Hard', 0, 'Hard', instead(...steps(11_000, 125, 100, 120, 140, 160, 180, 200))],
  ['S24', 'a head over a body', 0, 'Hard', instead(slider(11_000, 'L|396:192', 1, 140), circle(12_000, 330))],
  ['S25', 'an odd AR', 0, 'Easy', setting('ApproachRate', 8)],
  ['S26', 'a slider of many nodes', 0, 'Hard', instead(slider(11_000, `B${'|260:192|264:200'.repeat(40)}`, 1, 35))],
  ['S27', 'a lonely third', 0, 'Hard', instead(circle(11_000), circle(11_166))],
  ['T04', 'barlines close to another', 1, 'Oni', timing('14700,400,4,1,0,60,1,0')],
  ['T10', 'a long pattern', 1, 'Oni', instead(...dons(11_000, 83.4, 10))],
  ['T11', 'no rest', 1, 'Oni', only(...dons(1000, 166.6, 240))],
  ['T12', 'a note before a spinner', 1, 'Oni', instead(circle(11_000), spinner(11_060, 13_000))],
  ['T13', 'another slider multiplier', 1, 'Oni', setting('SliderMultiplier', 1.6)],
  ['T14', 'a change of speed', 1, 'Kantan', timing('9000,-80,4,1,0,60,0,0')],
  ['F04', 'an edge dash', 2, 'Rain', instead(...steps(11_000, 250, 50, 346))],
  ['F20', 'a combo without end', 2, 'Cup', () => undefined],
  ['F21', 'a dash to the rim', 2, 'Platter', instead(...steps(11_000, 250, 250, 5))],
  [
    'F22',
    'back after a quick hyperdash',
    2,
    'Platter',
    instead(circle(11_000, 50), circle(11_125, 400), circle(11_500, 100)),
  ],
  ['F23', 'no spinner', 2, 'Rain', () => undefined],
  ['F24', 'an odd AR', 2, 'Cup', setting('ApproachRate', 9)],
  ['M05', 'a tight long note', 3, 'Hard', instead(hold(11_000, 11_025))],
  [
    'M10',
    'a column that is used more',
    3,
    'Hard',
    instead(...times(11_000, 19_000, 250).map((time) => circle(time, 64))),
  ],
  ['M11', 'a large chord', 3, 'Easy', instead(circle(11_000, 64), circle(11_000, 192), circle(11_000, 320))],
  ['M12', 'a high OD', 3, 'Easy', setting('OverallDifficulty', 8)],
  ['M13', 'dense rows', 3, 'Easy', instead(...steps(11_000, 125, 64, 192, 320))],
  ['M13', 'a short long note', 3, 'Normal', instead(hold(11_000, 11_125))],
  ['M13', 'releases close to another', 3, 'Easy', instead(hold(11_000, 12_000), hold(11_000, 12_250, 192))],
  ['M14', 'dense rows', 3, 'Hard', instead(...steps(11_000, 62.5, 64, 192, 320))],
  ['M15', 'a slow scroll', 3, 'Insane', timing('9000,-200,4,1,0,60,0,0')],
  ['M16', 'a sound twice', 3, 'Hard', instead('64,192,11000,1,0,0:0:0:0:a.wav', '192,192,11000,1,0,0:0:0:0:a.wav')],
])('%s, %s', (id, _what, mode, version, change, options) => {
  test('is advised against', () => {
    expect(advice(mode, version, change, options)).toContain(id);
  });
});

test('the maps that these are made of get no advice but for their AR, long combos and the want of a spinner', () => {
  for (const [mode, version] of [
    [0, 'Hard'],
    [0, 'Insane'],
    [1, 'Oni'],
    [2, 'Rain'],
    [3, 'Hard'],
  ] as const)
    expect(
      [...advice(mode, version, () => undefined)].filter((id) => !['S25', 'S26', 'F20', 'F23'].includes(id)),
    ).toEqual([]);
});
