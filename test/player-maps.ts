import type { CatchObject, ManiaObject, Preview, StandardObject, TaikoObject } from '../src/shared/preview.ts';

/** 150 BPM. */
const BEAT = 400;
const FIRST = 1000;

/** Numbers that are the same in every run. */
function createRandom(seed: number) {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Options {
  seconds?: number;
  /** Objects in a beat: 4 is a stream that never ends. */
  perBeat?: number;
  keys?: number;
}

/** A map made by hand, with everything that its mode has. */
export function makeMap(mode: Preview['mode'], { seconds = 60, perBeat = 2, keys = 7 }: Options = {}): Preview {
  const gap = BEAT / perBeat;
  const times = Array.from({ length: Math.floor((seconds * 1000) / gap) }, (_, index) => FIRST + index * gap);
  const objects = [standardObjects, taikoObjects, catchObjects, maniaObjects][mode]!(times, gap, keys);
  const end = Math.max(...objects.map((object) => ('end' in object ? object.end : object.time)));
  return {
    version: 1,
    mode,
    title: 'Made by hand',
    artist: 'Nobody',
    difficulty: 'Insane',
    settings: {
      circle_size: 4,
      approach_rate: 9,
      overall_difficulty: 8,
      drain_rate: 5,
      slider_multiplier: 1.6,
      slider_tick_rate: 1,
      keys: mode === 3 ? keys : 0,
    },
    stars: 5.234,
    max_combo: objects.length,
    audio_shift_ms: 0,
    end,
    colours: ['#ff8f5a', '#5ad1ff', '#8dff7a', '#ffd95a'],
    timing: [{ time: FIRST, beat_ms: BEAT, meter: 4 }],
    scroll: [
      [FIRST, 0.4],
      [FIRST + 12 * BEAT, 0.6],
      [FIRST + 20 * BEAT, 0.4],
    ],
    barlines: mode === 1 || mode === 3 ? times.filter((time) => (time - FIRST) % (4 * BEAT) === 0) : [],
    kiai: [[FIRST + 16 * BEAT, FIRST + 32 * BEAT]],
    breaks: [],
    density: Array.from(
      { length: Math.ceil(end / 1000) },
      (_, second) => objects.filter(({ time }) => Math.floor(time / 1000) === second).length,
    ),
    counts: { notes: objects.length },
    sounds: objects.map(({ time }, index) => [
      time,
      mode === 1 ? (index % 3 === 0 ? 8 : 0) : index % 4 === 3 ? 8 : 0,
      1,
      70,
    ]),
    objects,
  };
}

function standardObjects(times: number[], gap: number): StandardObject[] {
  const random = createRandom(1);
  const objects: StandardObject[] = [];
  let [x, y] = [256, 192];
  let nextSpinner = 36;
  for (let index = 0; index < times.length; index++) {
    const time = times[index]!;
    const angle = random() * 2 * Math.PI;
    [x, y] = [256 + (x - 256) * 0.4 + 150 * Math.cos(angle), 192 + (y - 192) * 0.4 + 100 * Math.sin(angle)].map(
      Math.round,
    ) as [number, number];
    const look = { combo: (index % 8) + 1, colour: Math.floor(index / 8) % 4 };
    if (index >= nextSpinner) {
      nextSpinner += 40;
      objects.push({ kind: 'spinner', time, end: time + 3 * gap });
      index += 4;
    } else if (index % 4 === 2) {
      const spans = 1 + (index % 3 === 0 ? 2 : 0);
      const path = Array.from({ length: 13 }, (_, step) => [
        x + Math.round((256 - x) * (step / 12)),
        y + Math.round((192 - y) * (step / 12) + 40 * Math.sin((step / 12) * Math.PI)),
      ]).flat();
      objects.push({ kind: 'slider', time, end: time + gap * spans, path, spans, ticks: [time + gap / 2], ...look });
      index += spans;
      [x, y] = [256, 192];
    } else objects.push({ kind: 'circle', time, x, y, ...look });
  }
  return objects;
}

function taikoObjects(times: number[], gap: number): TaikoObject[] {
  const random = createRandom(2);
  const objects: TaikoObject[] = [];
  let [nextRoll, nextSwell, rolls] = [20, 44, 0];
  for (let index = 0; index < times.length; index++) {
    const time = times[index]!;
    if (index >= nextRoll) {
      nextRoll += 30;
      objects.push({ kind: 'drumroll', time, end: time + 3 * gap, big: rolls++ % 2 === 0 });
    } else if (index >= nextSwell) {
      nextSwell += 50;
      objects.push({ kind: 'swell', time, end: time + 4 * gap });
    } else {
      objects.push({ kind: 'note', time, kat: random() < 0.4, big: index % 8 === 0 });
      continue;
    }
    index += 4;
  }
  return objects;
}

function catchObjects(times: number[], gap: number): CatchObject[] {
  const random = createRandom(3);
  return times.flatMap((time, index): CatchObject[] => {
    const x = Math.round(random() * 512);
    const colour = Math.floor(index / 8) % 4;
    if (index % 40 > 34)
      return [0, 1, 2].map((part) => ({
        kind: 'banana',
        time: time + (part * gap) / 3,
        x: Math.round(random() * 512),
        colour,
      }));
    const fruit: CatchObject = { kind: 'fruit', time, x, colour, ...(index % 9 === 4 ? { hyper: true as const } : {}) };
    if (index % 4 !== 2) return [fruit];
    return [
      fruit,
      { kind: 'tiny', time: time + gap / 4, x: x * 0.9 + 20, colour },
      { kind: 'droplet', time: time + gap / 2, x: x * 0.8 + 40, colour },
    ];
  });
}

function maniaObjects(times: number[], gap: number, keys: number): ManiaObject[] {
  const random = createRandom(4);
  const free = Array<number>(keys).fill(0);
  return times.flatMap((time, index) => {
    const chord = 1 + (index % 4 === 0 ? 2 : 0);
    return Array.from({ length: chord }, () => Math.floor(random() * keys))
      .filter((column, at, all) => free[column]! <= time && all.indexOf(column) === at)
      .map((column): ManiaObject => {
        const end = random() < 0.2 ? time + gap * 3 : undefined;
        free[column] = (end ?? time) + 1;
        return end ? { kind: 'note', time, column, end } : { kind: 'note', time, column };
      });
  });
}
