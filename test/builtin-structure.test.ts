import { expect, test } from 'vitest';
import { analysisRate } from '../src/worker/engines/builtin/audio/decode.ts';
import { computeFeatures } from '../src/worker/engines/builtin/hearing/features.ts';
import { layGrid, type Grid, type GridOptions } from '../src/worker/engines/builtin/hearing/grid.ts';
import { computeHarmony } from '../src/worker/engines/builtin/hearing/harmony.ts';
import { findStructure } from '../src/worker/engines/builtin/hearing/structure.ts';
import { OSU_OFFSET_MS, type TimingPoint } from '../src/worker/engines/builtin/timing/timing.ts';

type Play = (hit: (atMs: number, ms: number, wave: (t: number) => number) => void) => void;

/** Mono samples at the rate of the analysis: what `play` hits, nothing else. */
function record(seconds: number, play: Play): Float32Array {
  const samples = new Float32Array(analysisRate * seconds);
  play((atMs, ms, wave) => {
    const start = Math.round((atMs * analysisRate) / 1000);
    for (let i = 0; i < (ms * analysisRate) / 1000 && start + i < samples.length; i += 1)
      samples[start + i]! += wave(i / analysisRate);
  });
  return samples;
}

const drum = (t: number) =>
  0.7 * Math.sin(2 * Math.PI * (50 + 70 * Math.exp(-t * 40)) * t) * Math.exp(-t * 18) * Math.max(0, 1 - t * 4);
const tick = (t: number) => 0.25 * Math.sin(t * 63_000 + Math.sin(t * 91_000) * 9) * Math.exp(-t * 60);
const tone = (note: number, gain = 0.15) => {
  const hz = 440 * 2 ** ((note - 69) / 12);
  return (t: number) =>
    gain * Math.min(1, t * 200) * (Math.sin(2 * Math.PI * hz * t) + 0.4 * Math.sin(4 * Math.PI * hz * t));
};

const listen = (samples: Float32Array) => {
  const harmony = computeHarmony(samples, analysisRate);
  const features = computeFeatures(samples, analysisRate, harmony);
  return { features, harmony, endMs: (samples.length / analysisRate) * 1000 - 150 };
};

function gridOf(sound: Float32Array | ReturnType<typeof listen>, points: TimingPoint[], options: GridOptions = {}) {
  const { features, harmony, endMs } = sound instanceof Float32Array ? listen(sound) : sound;
  return { grid: layGrid(features, harmony, points, endMs, options), harmony };
}

/** As the ranking criteria's checks see it: how far a time lies from the nearest tick of the divisors 16 and 12 of its line. */
function snapError(time: number, points: readonly TimingPoint[]): number {
  const line = points.findLast(({ offsetMs }) => offsetMs <= time + 1) ?? points[0]!;
  const beat = 60_000 / line.bpm;
  const errors = [16, 12].flatMap((divisor) => {
    const k = Math.round(((time - line.offsetMs) * divisor) / beat);
    return [k - 1, k, k + 1].map((n) => Math.abs(time - Math.floor(line.offsetMs + (n * beat) / divisor + 1e-6)));
  });
  return Math.min(...errors);
}

const lines = (...rows: [number, number, number][]): TimingPoint[] =>
  rows.map(([offsetMs, bpm, meter]) => ({ offsetMs, bpm, meter }));

const silent = listen(record(30, () => undefined));

test.each([
  ['one tempo, late', lines([7_431.37, 173.21, 4])],
  ['waltz', lines([120, 96.3, 3])],
  ['five beats, slow', lines([33, 71.7, 5])],
  ['fast', lines([402.5, 268, 4])],
  ['very fast, seven', lines([402.5, 299.1, 7])],
  ['a reset within a bar', lines([500, 150, 4], [10_233, 150, 4])],
  ['three tempos', lines([-80, 128.004, 4], [9_311, 87.55, 3], [21_017.3, 240, 4])],
  ['a tempo that lasts no bar', lines([100, 140, 4], [12_000, 180, 4], [12_150, 90, 4], [12_190, 175, 4])],
  ['before the song', lines([-9_000, 120, 4], [-4_000, 180, 4], [15_000, 185, 4])],
  ['beyond the song', lines([300, 180, 4], [400_000, 200, 4])],
])('%s: the ticks are in order, apart and on the grid of their line', (_, points) => {
  for (const swing of [false, true]) {
    const { ticks, tempos } = gridOf(silent, points, { swing }).grid;
    expect(ticks.length).toBeGreaterThan(100);
    const seconds = 60 / Math.max(...tempos.map(({ point, pulse }) => point.bpm * pulse)) / (swing ? 3 : 4);
    ticks.forEach((tick, i) => {
      const before = ticks[i - 1];
      expect(tick.index).toBe(i);
      expect(Number.isInteger(tick.time) && tick.time >= 0 && tick.time < 30_000).toBe(true);
      expect(snapError(tick.time, points), `${tick.time}`).toBeLessThan(1);
      if (!before) return;
      expect(tick.time - before.time).toBeGreaterThanOrEqual(Math.floor(750 * seconds) - 1);
      expect(tick.bar - before.bar).toBe(tick.place === 0 ? 1 : 0);
      if (tick.tempo === before.tempo && tick.place > 0) expect(tick.place).toBe(before.place + 1);
      if (tick.tempo !== before.tempo) expect(tick.place).toBe(0);
    });
  }
});

test('the beat of slow and very fast songs is halved and doubled, its bar kept whole', () => {
  const of = (bpm: number, meter: number) => {
    const [tempo] = gridOf(silent, lines([0, bpm, meter])).grid.tempos;
    return [tempo!.pulse, Math.round(tempo!.beatMs), tempo!.meter, tempo!.ticksPerBeat];
  };
  expect(of(75, 4)).toEqual([2, 400, 4, 4]);
  expect(of(75, 3)).toEqual([2, 400, 6, 4]);
  expect(of(150, 3)).toEqual([1, 400, 3, 4]);
  expect(of(300, 4)).toEqual([0.5, 400, 4, 4]);
});

const shuffle = (off: number, bpm = 150): Play => {
  const beat = 60_000 / bpm;
  return (hit) => {
    for (let n = 0; n * beat < 29_000; n += 1) {
      hit(200 + n * beat, 250, drum);
      hit(200 + (n + off) * beat, 60, tick);
    }
  };
};

test.each([
  ['swung', 2 / 3, 150, 3, 1],
  ['straight', 1 / 2, 150, 4, 1],
  ['in sixteenths', 3 / 4, 150, 4, 1],
  ['slow and swung by the beat', 2 / 3, 80, 3, 1],
  ['slow and swung by the half', 5 / 6, 80, 3, 2],
])('a song that is %s is heard as that', (_, off, bpm, ticksPerBeat, pulse) => {
  const play = shuffle(off, bpm);
  const half: Play = (hit) => {
    play(hit);
    if (pulse === 2) for (let n = 0.5; n * (60_000 / bpm) < 29_000; n += 1) hit(200 + (n * 60_000) / bpm, 250, drum);
  };
  const { tempos, ticks } = gridOf(record(30, half), lines([200 - OSU_OFFSET_MS, bpm, 4])).grid;
  expect(tempos[0]).toMatchObject({ ticksPerBeat, pulse });
  const loud = ticks.filter(({ strength, time }) => strength > 0.5 && time > 1_000);
  expect(loud.every(({ phase, place }) => phase < 2 || (ticksPerBeat === 4 && place % 4 === 3))).toBe(true);
});

test('swing can be asked for and refused', () => {
  const of = (off: number, swing: boolean) =>
    gridOf(record(30, shuffle(off)), lines([179, 150, 4]), { swing }).grid.tempos[0]!.ticksPerBeat;
  expect(of(1 / 2, true)).toBe(3);
  expect(of(2 / 3, false)).toBe(4);
});

test('a long note is sustained, a short one is not, and the pitch follows the melody', () => {
  const notes = [60, 64, 67, 72, 76, 72, 67, 64];
  const beat = 400;
  const samples = record(30, (hit) => {
    for (let n = 0; n * beat < 29_000; n += 1) {
      const note = notes[Math.floor(n / 4) % 8]!;
      if (n % 4 === 0) hit(500 + n * beat, 780, tone(note));
      if (n % 4 === 2 || n % 4 === 3) hit(500 + n * beat, 90, tone(note));
    }
  });
  const { ticks } = gridOf(samples, lines([500 - OSU_OFFSET_MS, 150, 4])).grid;
  const first = ticks.find(({ place }) => place === 0)!.bar;
  const beats = ticks.filter(({ time, phase }) => phase === 0 && time > 2_000 && time < 28_000);
  for (const { place, sustain, bar, pitch } of beats) {
    if (place === 0) expect(sustain).toBeGreaterThan(1.5);
    if (place === 8) expect(sustain).toBeLessThan(0.7);
    if (place === 0) expect(pitch).toBeCloseTo((notes[(bar - first) % 8]! - 60) / 16, 1);
  }
});

test('a cymbal that rings is told from a hat', () => {
  const beat = 400;
  const hiss = (t: number) => {
    const x = Math.sin((t + 1) * 127_717.13) * 43_758.5453;
    return x - Math.floor(x) - 0.5;
  };
  const samples = record(30, (hit) => {
    for (let n = 0; n * beat < 29_000; n += 1) {
      hit(500 + n * beat, 250, drum);
      hit(700 + n * beat, 50, (t) => 0.3 * hiss(t) * Math.exp(-t * 90));
      if (n % 32 === 0) hit(500 + n * beat, 1_200, (t) => 0.6 * hiss(t) * Math.exp(-t * 3));
    }
  });
  const { ticks } = gridOf(samples, lines([500 - OSU_OFFSET_MS, 150, 4])).grid;
  const crashes = ticks.filter(({ crash }) => crash > 0.6).map(({ bar, place }) => [bar % 8, place]);
  expect(crashes.length).toBeGreaterThanOrEqual(2);
  for (const crash of crashes) expect(crash).toEqual([ticks.find(({ place }) => place === 0)!.bar % 8, 0]);
});

/** Verse A, chorus B and bridge C in bars of 1.6 s, by one letter for four bars; the chorus has a beat and more drums. */
function song(form: string): Float32Array {
  const chords: Record<string, number[]> = { A: [57, 60, 53, 55], B: [60, 55, 57, 53], C: [62, 58, 51, 56], _: [] };
  const bar = 1_600;
  return record((form.length * 4 * bar + 2_000) / 1_000, (hit) => {
    [...form].forEach((letter, part) =>
      chords[letter]!.forEach((root, i) => {
        const at = 500 + (part * 4 + i) * bar;
        const loud = letter === 'B' ? 1.6 : letter === 'A' ? 0.8 : 0.5;
        for (const interval of [0, 4, 7]) hit(at, 1_500, tone(root + interval, 0.06 * loud));
        const melody = letter === 'A' ? [0, 3, 4, 6] : letter === 'B' ? [0, 1, 2, 4, 5, 6] : [0, 4];
        melody.forEach((n, k) => hit(at + n * 200, 180, tone(root + 12 + ((k * 5) % 12), 0.08 * loud)));
        for (let n = 0; n < 4; n += 1) {
          if (letter !== 'C') hit(at + n * 400, 250, (t) => loud * drum(t));
          if (letter === 'B') hit(at + n * 400 + 200, 60, tick);
        }
      }),
    );
  });
}

const structureOf = (form: string) => {
  const { grid, harmony } = gridOf(song(form), lines([500 - OSU_OFFSET_MS, 150, 4]));
  return { grid, structure: findStructure(grid, harmony) };
};

test('parts that come back are found, with the same label and bar for bar', () => {
  const form = 'AABBAABBCCBB';
  const { grid, structure } = structureOf(form);
  const first = grid.ticks.find(({ time, place }) => place === 0 && time >= 470)!.bar;
  const labelAt = (bar: number) => structure.sections.find((section) => section.lastBar >= bar)!.label;
  const labels = [...form].map((_, part) => labelAt(first + part * 4 + 1));
  [...form].forEach((a, i) => [...form].forEach((b, j) => expect(labels[i] === labels[j], `${i} ${j}`).toBe(a === b)));
  for (let bar = first + 16; bar < first + 32; bar += 1) {
    const twin = structure.twins[bar]!;
    expect(twin).toBeLessThan(bar);
    expect((bar - twin) % 4).toBe(0);
    expect(form[Math.floor((twin - first) / 4)]).toBe(form[Math.floor((bar - first) / 4)]);
  }
  expect(structure.twins[first]).toBeNull();
  expect(structure.twins[first + 8]).toBeNull();
});

test('the kiai is the chorus, on a downbeat, and the preview its start', () => {
  const form = 'AABBAABBCCAABB';
  const { grid, structure } = structureOf(form);
  const first = grid.ticks.find(({ time, place }) => place === 0 && time >= 470)!.bar;
  const kiai = structure.sections.filter((section) => section.kiai);
  expect(kiai.length).toBeGreaterThanOrEqual(1);
  for (const { firstBar, lastBar } of kiai)
    for (let bar = firstBar; bar <= lastBar; bar += 1) expect(form[Math.floor((bar - first) / 4)]).toBe('B');
  const start = grid.ticks.find(({ bar }) => bar === kiai[0]!.firstBar)!;
  expect(start.place).toBe(0);
  expect(structure.previewMs).toBe(start.time);
});

test('loud and busy parts are intense, calm ones are not, and a silent part least', () => {
  const form = 'AABBCC__BBAA';
  const { grid, structure } = structureOf(form);
  const first = grid.ticks.find(({ time, place }) => place === 0 && time >= 470)!.bar;
  const mean = (letter: string) => {
    const bars = structure.intensity.filter((_, bar) => form[Math.floor((bar - first) / 4)] === letter);
    return bars.reduce((sum, value) => sum + value, 0) / bars.length;
  };
  expect(mean('B')).toBeGreaterThan(mean('A') + 0.2);
  expect(mean('A')).toBeGreaterThan(mean('C') + 0.1);
  expect(mean('C')).toBeGreaterThan(mean('_'));
  expect(Math.min(...structure.intensity)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...structure.intensity)).toBeLessThanOrEqual(1);
});

function rules({ ticks }: Grid, structure: ReturnType<typeof findStructure>) {
  const bars = ticks.at(-1)!.bar + 1;
  expect(structure.intensity).toHaveLength(bars);
  expect(structure.twins).toHaveLength(bars);
  structure.sections.forEach((section, i) => {
    expect(section.firstBar).toBe(i === 0 ? 0 : structure.sections[i - 1]!.lastBar + 1);
    expect(section.lastBar).toBeGreaterThanOrEqual(section.firstBar);
  });
  expect(structure.sections.at(-1)!.lastBar).toBe(bars - 1);
  const kiai = structure.sections.filter((section) => section.kiai);
  const share = kiai.reduce((sum, { firstBar, lastBar }) => sum + lastBar - firstBar + 1, 0) / bars;
  expect(share).toBeLessThanOrEqual(0.45);
  for (const { firstBar } of kiai) expect(ticks.find(({ bar }) => bar === firstBar)!.place).toBe(0);
  return kiai;
}

test('one loop for two minutes has a kiai too', () => {
  const { grid, structure } = structureOf('A'.repeat(16));
  expect(rules(grid, structure).length).toBeGreaterThanOrEqual(1);
  const repeated = structure.twins.filter((twin) => twin !== null).length / structure.twins.length;
  expect(repeated).toBeGreaterThan(0.85);
});

test.each([
  ['silence', record(70, () => undefined), lines([0, 120, 4])],
  ['three seconds', record(3, (hit) => hit(500, 250, drum)), lines([500, 120, 4])],
  [
    'a tempo for each bar',
    song('AABB'),
    lines(...Array.from({ length: 16 }, (_, i) => [479 + i * 1600, 150, 4] as [number, number, number])),
  ],
  ['bars of seven', song('AABBAABB'), lines([479, 150, 7])],
])('%s has a structure that holds together', (_, samples, points) => {
  const { grid, harmony } = gridOf(samples, points);
  const structure = findStructure(grid, harmony);
  rules(grid, structure);
  expect(findStructure(grid, harmony)).toEqual(structure);
  expect(structure.previewMs).toBeGreaterThanOrEqual(0);
});
