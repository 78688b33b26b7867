import { describe, expect, test } from 'vitest';
import { verifyMap } from '../src/worker/verify/verify.ts';
import { circle, clear, instead, mapText, times, type Change, type MapSpec } from './verify-map.ts';

type Mode = 0 | 1 | 2 | 3;
const names = { 0: 'Insane', 1: 'Oni', 2: 'Rain', 3: 'Insane' } as const;

/** Ids of blocking issues of a map. */
function blocking(
  mode: Mode,
  version: string,
  change: Change,
  files?: ReadonlyMap<string, Uint8Array>,
  lowest = false,
) {
  const { issues } = verifyMap(mapText(mode, version, change), files, { stars: 3, lowest });
  return new Set(issues.filter(({ level }) => level === 'blocking').map(({ id }) => id));
}

test.each([
  [0, 'Easy'],
  [0, 'Insane'],
  [1, 'Kantan'],
  [1, 'Inner Oni'],
  [2, 'Cup'],
  [2, 'Overdose'],
  [3, 'Easy'],
  [3, 'Expert'],
] as const)('the map that the others are made of is without fault: mode %d, %s', (mode, version) => {
  expect([...blocking(mode, version, () => undefined)]).toEqual([]);
});

const setting =
  (part: 'general' | 'metadata' | 'difficulty', name: string, value: string | number): Change =>
  (map) => {
    map[part][name] = value;
  };
const line =
  (part: 'timing' | 'events' | 'objects', text: string): Change =>
  (map) => {
    map[part].push(text);
  };
const colours =
  (...lines: string[]): Change =>
  (map) => {
    map.colours = lines;
  };
const slider = (time: number, path: string, slides: number, length: number, x = 256, y = 192) =>
  `${x},${y},${time},2,8,${path},${slides},${length}`;
const spinner = (from: number, to: number) => `256,192,${from},12,8,${to},0:0:0:0:`;
const hold = (from: number, to: number, x = 64) => `${x},192,${from},128,0,${to}:0:0:0:0:`;
const breakIn =
  (start: number, end: number): Change =>
  (map) => {
    clear(map, 10_001, 19_999);
    map.events.push(`2,${start},${end}`);
  };
const sounds =
  (...at: number[]): Change =>
  (map) => {
    map.objects = times(1000, 41_000, 500).map((time) => circle(time, 256, 192, at.includes(time) ? 8 : 0));
  };
const many =
  (count: number): Change =>
  (map) => {
    map.objects = Array.from({ length: count }, (_, i) => circle(1000 + 125 * i, i % 2 ? 156 : 356));
  };
/** Fruits at these places, so many ms apart. */
const fruits = (gap: number, ...xs: number[]) => instead(...xs.map((x, i) => circle(11_000 + gap * i, x)));
/** Notes of these sounds, so many ms apart: 0 don, 8 kat, 4 big don. */
const notes = (gap: number, ...sound: number[]) =>
  instead(...sound.map((bits, i) => circle(11_000 + Math.round(gap * i), 256, 192, bits)));
const red = (time: number, bpm: number): Change => line('timing', `${time},${60_000 / bpm},4,1,0,60,1,0`);
const both =
  (...changes: Change[]): Change =>
  (map: MapSpec) => {
    for (const change of changes) change(map);
  };

interface Row {
  id: string;
  what: string;
  mode?: Mode;
  name?: string;
  lowest?: boolean;
  fault: Change;
  inside: Change;
}

/** A fault of each kind, and the same just inside what is allowed. */
const rows: Row[] = [
  {
    id: 'B00',
    what: 'a line that cannot be read',
    fault: line('objects', '1,2'),
    inside: line('objects', circle(41_500)),
  },
  { id: 'B00', what: 'disorder', fault: line('objects', circle(500)), inside: line('objects', circle(41_500)) },
  { id: 'B01', what: 'a head off the grid', fault: instead(circle(11_002)), inside: instead(circle(11_001)) },
  {
    id: 'B01',
    what: 'a tail off the grid',
    fault: instead(slider(11_000, 'L|396:192', 1, 140.7)),
    inside: instead(slider(11_000, 'L|396:192', 1, 140.4)),
  },
  {
    id: 'B02',
    what: 'a gap of 10 ms',
    fault: instead(circle(11_000), circle(11_010)),
    inside: instead(circle(11_000), circle(11_011)),
  },
  {
    id: 'B02',
    what: 'a spinner at once',
    fault: instead(circle(11_000), spinner(11_000, 13_000)),
    inside: instead(circle(11_000), spinner(11_001, 13_000)),
  },
  {
    id: 'B03',
    what: 'less than 30 s',
    fault: (map) => clear(map, 31_000, 50_000),
    inside: (map) => clear(map, 31_001, 50_000),
  },
  {
    id: 'B04',
    what: 'a slider without length',
    fault: instead(slider(11_000, 'L|356:192', 1, 0.13)),
    inside: instead(slider(11_000, 'L|356:192', 1, 0.15)),
  },
  {
    id: 'B05',
    what: 'kiai on the first line',
    fault: (map) => (map.timing = ['0,500,4,1,0,60,1,1']),
    inside: (map) => (map.timing = ['0,500,4,1,0,60,1,0', '0,-100,4,1,0,60,0,1']),
  },
  {
    id: 'B05',
    what: 'a green first line',
    fault: line('timing', '-1,-100,4,1,0,60,0,0'),
    inside: line('timing', '1,-100,4,1,0,60,0,0'),
  },
  { id: 'B06', what: 'two red lines at once', fault: red(0, 120), inside: line('timing', '0,-50,4,1,0,60,0,0') },
  { id: 'B07', what: 'a useless red line', fault: red(8001, 120), inside: red(8002, 120) },
  {
    id: 'B08',
    what: 'a silent line',
    fault: line('timing', '9000,-100,4,1,0,4,0,0'),
    inside: line('timing', '9000,-100,4,1,0,5,0,0'),
  },
  {
    id: 'B09',
    what: 'no preview',
    fault: setting('general', 'PreviewTime', -1),
    inside: setting('general', 'PreviewTime', 0),
  },
  { id: 'B10', what: 'an early break', fault: breakIn(10_198, 15_000), inside: breakIn(10_199, 15_000) },
  { id: 'B10', what: 'a late end of a break', fault: breakIn(10_500, 18_802), inside: breakIn(10_500, 18_801) },
  {
    id: 'B11',
    what: 'two decimals',
    fault: setting('difficulty', 'HPDrainRate', '5.25'),
    inside: setting('difficulty', 'HPDrainRate', '5.2'),
  },
  {
    id: 'B11',
    what: 'out of range',
    fault: setting('difficulty', 'OverallDifficulty', 10.1),
    inside: setting('difficulty', 'OverallDifficulty', 10),
  },
  {
    id: 'B11',
    what: 'a tick rate',
    fault: setting('difficulty', 'SliderTickRate', 0.7),
    inside: setting('difficulty', 'SliderTickRate', 1.333),
  },
  {
    id: 'B11',
    what: 'a key count',
    mode: 3,
    fault: setting('difficulty', 'CircleSize', 11),
    inside: setting('difficulty', 'CircleSize', 12),
  },
  {
    id: 'B12',
    what: 'one colour',
    fault: colours('Combo1 : 255,128,160'),
    inside: colours('Combo1 : 255,128,160', 'Combo2 : 96,192,255'),
  },
  {
    id: 'B12',
    what: 'a dark colour',
    fault: colours('Combo1 : 255,128,160', 'Combo2 : 29,29,29'),
    inside: colours('Combo1 : 255,128,160', 'Combo2 : 30,30,31'),
  },
  { id: 'B13', what: 'no background', fault: (map) => (map.events = []), inside: () => undefined },
  { id: 'B14', what: 'no song', fault: setting('general', 'AudioFilename', ''), inside: () => undefined },
  {
    id: 'B16',
    what: 'no creator',
    fault: setting('metadata', 'Creator', ''),
    inside: setting('metadata', 'Creator', 'x'),
  },
  {
    id: 'B16',
    what: 'a romanised title',
    fault: setting('metadata', 'Title', 'é'),
    inside: setting('metadata', 'TitleUnicode', 'é'),
  },
  {
    id: 'B16',
    what: 'a long title',
    fault: setting('metadata', 'Title', 'x'.repeat(82)),
    inside: setting('metadata', 'Title', 'x'.repeat(81)),
  },
  { id: 'B17', what: 'a stretch without hit sounds', fault: sounds(1000, 37_500), inside: sounds(1000, 37_000) },
  { id: 'B17', what: 'no hit sound', fault: sounds(), inside: sounds(1000, 20_000) },
  { id: 'B18', what: 'a score that does not fit', fault: many(9000), inside: many(6000) },
  {
    id: 'B19',
    what: 'an object without sound',
    fault: instead('256,192,11000,1,8,0:0:0:4:'),
    inside: instead('256,192,11000,1,8,0:0:0:5:'),
  },

  { id: 'S01', what: 'a head off the side', fault: instead(circle(11_000, -31)), inside: instead(circle(11_000, -30)) },
  {
    id: 'S01',
    what: 'a head off the bottom',
    fault: instead(circle(11_000, 256, 392)),
    inside: instead(circle(11_000, 256, 391)),
  },
  {
    id: 'S01',
    what: 'a path',
    fault: instead(slider(11_000, 'L|256:400', 1, 16.8, 256, 375)),
    inside: instead(slider(11_000, 'L|256:400', 1, 16.2, 256, 375)),
  },
  {
    id: 'S01',
    what: 'a stack',
    fault: instead(...times(11_000, 12_000, 500).map((time) => circle(time, -28))),
    inside: instead(circle(11_000, -28), circle(12_500, -28)),
  },
  {
    id: 'S02',
    what: 'a short spinner',
    fault: instead(spinner(11_000, 11_449)),
    inside: instead(spinner(11_000, 11_450)),
  },
  {
    id: 'S03',
    what: 'a spinner',
    name: 'Easy',
    fault: instead(spinner(11_000, 11_999)),
    inside: instead(spinner(11_000, 12_000)),
  },
  {
    id: 'S04',
    what: 'rest after a spinner',
    name: 'Easy',
    fault: instead(spinner(11_000, 13_000), circle(13_999)),
    inside: instead(spinner(11_000, 13_000), circle(14_000)),
  },
  {
    id: 'S05',
    what: 'a perfect stack',
    name: 'Easy',
    fault: both(setting('general', 'StackLeniency', 0), instead(circle(11_000), circle(11_374))),
    inside: both(setting('general', 'StackLeniency', 0), instead(circle(11_000), circle(11_375))),
  },
  {
    id: 'S06',
    what: 'a wide movement',
    fault: instead(...[0, 10, 20, 30, 40, 200].map((x, i) => circle(11_000 + 83 * i, 100 + x))),
    inside: instead(...[0, 10, 20, 30, 40, 189].map((x, i) => circle(11_000 + 83 * i, 100 + x))),
  },
  {
    id: 'S07',
    what: 'close objects apart',
    name: 'Easy',
    fault: instead(circle(11_000, 100), circle(11_124, 300)),
    inside: instead(circle(11_000, 100), circle(11_125, 300)),
  },
  {
    id: 'S07',
    what: 'close objects apart',
    name: 'Easy',
    fault: instead(circle(11_000, 100), circle(11_100, 173)),
    inside: instead(circle(11_000, 100), circle(11_100, 172)),
  },
  {
    id: 'S08',
    what: 'a quick multi-reverse',
    name: 'Easy',
    fault: instead(slider(11_000, 'L|356:192', 3, 23.24)),
    inside: instead(slider(11_000, 'L|356:192', 3, 23.34)),
  },
  {
    id: 'S09',
    what: 'a short slider',
    name: 'Easy',
    fault: instead(slider(11_000, 'L|356:192', 1, 34.7)),
    inside: instead(slider(11_000, 'L|356:192', 1, 35)),
  },
  {
    id: 'S10',
    what: 'a path over itself',
    name: 'Hard',
    fault: instead(slider(11_000, 'L|356:192|256:193', 1, 190)),
    inside: instead(slider(11_000, 'L|356:192|290:260', 1, 190)),
  },

  { id: 'T01', what: 'dense notes', mode: 1, name: 'Futsuu', fault: notes(109, 0, 0), inside: notes(110, 0, 0) },
  {
    id: 'T01',
    what: 'dense notes of a lowest',
    mode: 1,
    name: 'Futsuu',
    lowest: true,
    fault: notes(164, 0, 0),
    inside: notes(165, 0, 0),
  },
  {
    id: 'T02',
    what: 'a big note in a pattern',
    mode: 1,
    name: 'Kantan',
    fault: notes(168, 0, 4),
    inside: notes(169, 0, 4),
  },
  { id: 'T02', what: 'a big note of the same colour', mode: 1, fault: notes(83, 0, 0, 4), inside: notes(83, 0, 8, 4) },
  {
    id: 'T03',
    what: 'colours of a pattern',
    mode: 1,
    name: 'Kantan',
    fault: notes(166.7, 0, 8),
    inside: notes(166.7, 8, 8),
  },
  {
    id: 'T03',
    what: 'a long pattern',
    mode: 1,
    name: 'Muzukashii',
    fault: notes(83.4, 0, 0, 0, 0, 0, 0),
    inside: notes(83.4, 0, 0, 0, 0, 0),
  },
  { id: 'T04', what: 'a note before a barline', mode: 1, fault: red(15_002, 130), inside: red(15_003, 130) },

  { id: 'F01', what: 'a hyperdash', mode: 2, name: 'Cup', fault: fruits(250, 50, 350), inside: fruits(250, 50, 349) },
  {
    id: 'F01',
    what: 'a quick hyperdash',
    mode: 2,
    name: 'Platter',
    fault: fruits(123, 50, 400),
    inside: fruits(124, 50, 400),
  },
  {
    id: 'F02',
    what: 'hyperdashes in a row',
    mode: 2,
    name: 'Platter',
    fault: fruits(250, 50, 400, 50, 400),
    inside: fruits(250, 50, 400, 50, 60),
  },
  { id: 'F03', what: 'a dash', mode: 2, name: 'Cup', fault: fruits(500, 50, 343), inside: fruits(500, 50, 342) },
  {
    id: 'F03',
    what: 'dashes in a row',
    mode: 2,
    name: 'Salad',
    fault: fruits(300, 50, 270, 50, 270),
    inside: fruits(300, 50, 270, 50, 60),
  },
  {
    id: 'F04',
    what: 'an edge dash',
    mode: 2,
    name: 'Salad',
    fault: fruits(250, 50, 346),
    inside: fruits(250, 50, 345),
  },
  {
    id: 'F05',
    what: 'a close spinner',
    mode: 2,
    name: 'Cup',
    fault: instead(circle(11_000), spinner(11_248, 13_000)),
    inside: instead(circle(11_000), spinner(11_249, 13_000)),
  },
  {
    id: 'F05',
    what: 'a fruit close after',
    mode: 2,
    name: 'Cup',
    fault: instead(spinner(11_000, 13_000), circle(13_248)),
    inside: instead(spinner(11_000, 13_000), circle(13_249)),
  },
  {
    id: 'F06',
    what: 'two places at once',
    mode: 2,
    name: 'Overdose',
    fault: fruits(0, 50, 400),
    inside: fruits(62, 50, 400),
  },

  {
    id: 'M01',
    what: 'a close note',
    mode: 3,
    fault: instead(hold(11_000, 11_500), circle(11_530, 64)),
    inside: instead(hold(11_000, 11_500), circle(11_531, 64)),
  },
  {
    id: 'M02',
    what: 'two at once',
    mode: 3,
    fault: instead(circle(11_000, 64), circle(11_000, 70)),
    inside: instead(circle(11_000, 64), circle(11_000, 192)),
  },
  {
    id: 'M03',
    what: 'an empty column',
    mode: 3,
    fault: setting('difficulty', 'CircleSize', 5),
    inside: both(setting('difficulty', 'CircleSize', 5), instead(circle(11_000, 256))),
  },
  {
    id: 'M04',
    what: 'seven at once',
    mode: 3,
    fault: both(
      setting('difficulty', 'CircleSize', 7),
      instead(...[0, 1, 2, 3, 4, 5, 6].map((i) => circle(11_000, 36 + 73 * i))),
    ),
    inside: both(
      setting('difficulty', 'CircleSize', 7),
      instead(...[0, 1, 2, 3, 4, 5].map((i) => circle(11_000, 36 + 73 * i))),
    ),
  },
  {
    id: 'M05',
    what: 'a short long note',
    mode: 3,
    fault: instead(hold(11_000, 11_019)),
    inside: instead(hold(11_000, 11_020)),
  },
  {
    id: 'M06',
    what: 'a change of scroll speed',
    mode: 3,
    name: 'Easy',
    fault: line('timing', '9000,-97,4,1,0,60,0,0'),
    inside: line('timing', '9000,-98.1,4,1,0,60,0,0'),
  },
];

describe.each(rows)('$id, $what', ({ id, mode = 0, name = names[mode], lowest = false, fault, inside }) => {
  test('is found', () => {
    expect(blocking(mode, name, fault, undefined, lowest)).toContain(id);
  });
  test('is not found just inside the limit', () => {
    expect(blocking(mode, name, inside, undefined, lowest)).not.toContain(id);
  });
});
