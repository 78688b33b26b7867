import type { Tick } from './grid.ts';
import { levelBands, type Harmony } from './harmony.ts';
import { OSU_OFFSET_MS } from '../timing/timing.ts';

/** A bar as the structure sees it. */
export interface Bar {
  /** Its ticks are `ticks[first … last]`. */
  first: number;
  last: number;
  /** Whether it has all its ticks. */
  whole: boolean;
  /** Whether it begins with a bar of the timing point: of a slow song, whose beats are halved, every second one does. */
  downbeat: boolean;
  /** Bars of the same shape can carry the same rhythm. */
  shape: string;
  startMs: number;
  endMs: number;
  /** Mean level, dB. */
  level: number;
  /** Mean of the bands' levels, dB: how full the spectrum is. */
  fullness: number;
  /** Mean attack strength. */
  attacks: number;
  /** Where it lies in the space of `likeness`. */
  vector: Float32Array;
}

/** Parts of a bar for chroma, and places for the pattern of its attacks. */
const quarters = 4;
const places = 16;
/**
 * What makes two bars alike: timbre (mean and spread of the band levels), harmony (chroma by quarter), rhythm (attacks by place and
 * band); their weights, and below which spread (dB, root power share, attack strength) differences are no more than chance.
 */
const groups = {
  timbre: { weight: 0.22, floor: 1.5 },
  chroma: { weight: 0.58, floor: 0.08 },
  rhythm: { weight: 0.2, floor: 0.35 },
} as const;

/** All bars of the grid in order, with their vectors. Linear in the length of the song. */
export function measureBars(ticks: readonly Tick[], harmony: Harmony): Bar[] {
  const bars: Bar[] = [];
  const raw: { timbre: number[]; chroma: number[]; rhythm: number[] }[] = [];
  for (let first = 0; first < ticks.length;) {
    const { bar, tempo, place, time } = ticks[first]!;
    let last = first;
    while (ticks[last + 1]?.bar === bar) last += 1;
    const step = tempo.beatMs / tempo.ticksPerBeat;
    const endMs = ticks[last]!.time + step;
    const whole = place === 0 && ticks[last]!.place === tempo.meter * tempo.ticksPerBeat - 1;
    const shape = `${tempo.meter}×${tempo.ticksPerBeat}`;
    const inside = ticks.slice(first, last + 1);
    const timbre = timbreOf(harmony, time + OSU_OFFSET_MS, endMs + OSU_OFFSET_MS);
    raw.push({
      timbre: timbre.values,
      chroma: chromaOf(harmony, time + OSU_OFFSET_MS, endMs + OSU_OFFSET_MS),
      rhythm: rhythmOf(inside),
    });
    const attacks = inside.reduce((sum, tick) => sum + tick.strength, 0) / inside.length;
    const { level, fullness } = timbre;
    bars.push({
      first,
      last,
      whole,
      downbeat: isDownbeat(ticks[first]!),
      shape,
      startMs: time,
      endMs,
      level,
      fullness,
      attacks,
      vector: new Float32Array(),
    });
    first = last + 1;
  }
  const spread = (['timbre', 'chroma', 'rhythm'] as const).map((group) =>
    scaled(
      raw.map((bar) => bar[group]),
      groups[group].weight,
      groups[group].floor,
    ),
  );
  bars.forEach((bar, i) => (bar.vector = Float32Array.from(spread.flatMap((vectors) => vectors[i]!))));
  return bars;
}

/** Whether a bar of the tick's timing point begins on it. */
function isDownbeat({ time, tempo: { point } }: Tick): boolean {
  const bars = ((time - point.offsetMs) * point.bpm) / 60_000 / point.meter;
  return Math.abs(bars - Math.round(bars)) * point.meter * (60_000 / point.bpm) < roundingMs;
}

/** Times are whole ms. */
const roundingMs = 2;

/**
 * How alike two bars are: 1 for the same, 0 for two that differ as much as the song's bars do on average, below for more. Unlike a
 * cosine it does not depend on where the song's mean lies, and the floors keep a song of one loop from being torn apart by noise.
 */
export function likeness(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i]! - b[i]!) ** 2;
  return 1 - sum / 2;
}

/**
 * Scales the vectors so that the median squared distance of the song's bars is 2 · weight, less where it is below the floor's. The
 * median, so that a silent intro does not make the rest look all alike; of pairs at a few distances, so that it stays linear.
 */
function scaled(vectors: number[][], weight: number, floor: number): number[][] {
  const squares = sampleDistances.flatMap((distance) =>
    vectors
      .slice(distance)
      .map((vector, i) => vector.reduce((sum, value, k) => sum + (value - vectors[i]![k]!) ** 2, 0)),
  );
  const middle = squares.sort((a, b) => a - b)[Math.floor(squares.length / 2)] ?? 0;
  const size = vectors[0]?.length ?? 0;
  const scale = Math.sqrt((2 * weight) / Math.max(middle, 2 * size * floor ** 2));
  return vectors.map((vector) => vector.map((value) => value * scale));
}

/** Bars, primes: not the periods of music. */
const sampleDistances = [7, 13, 29, 53];

/** Nothing below this is heard. */
const quietestDb = -20;

function timbreOf({ hopMs, frames, levels }: Harmony, fromMs: number, toMs: number) {
  const [from, to] = framesOf(hopMs, frames, fromMs, toMs);
  const values = new Array<number>(2 * levelBands).fill(0);
  let power = 0;
  for (let band = 0; band < levelBands; band += 1) {
    let [sum, squares] = [0, 0];
    for (let frame = from; frame < to; frame += 1) {
      const level = Math.max(quietestDb, levels[frame * levelBands + band]!);
      sum += level;
      squares += level * level;
      power += 10 ** (level / 10);
    }
    const count = to - from;
    values[band] = sum / count;
    values[levelBands + band] = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  }
  const fullness = values.slice(0, levelBands).reduce((sum, value) => sum + value, 0) / levelBands;
  return { values, fullness, level: 10 * Math.log10(power / (to - from)) };
}

/** Root of each pitch class's share of the power, by quarter of the bar. */
function chromaOf({ hopMs, frames, chroma }: Harmony, fromMs: number, toMs: number): number[] {
  return Array.from({ length: quarters }, (_, quarter) => {
    const part = (toMs - fromMs) / quarters;
    const [from, to] = framesOf(hopMs, frames, fromMs + quarter * part, fromMs + (quarter + 1) * part);
    const sums = new Array<number>(12).fill(0);
    for (let frame = from; frame < to; frame += 1)
      for (let tone = 0; tone < 12; tone += 1) sums[tone]! += Math.sqrt(chroma[frame * 12 + tone]!);
    const total = Math.hypot(...sums) + 1e-9;
    return sums.map((sum) => sum / total);
  }).flat();
}

function rhythmOf(inside: readonly Tick[]): number[] {
  const values = new Array<number>(3 * places).fill(0);
  for (const { place, tempo, low, mid, high } of inside) {
    const at = Math.floor((place * places) / (tempo.meter * tempo.ticksPerBeat));
    [low, mid, high].forEach((strength, band) => {
      values[band * places + at] = Math.max(values[band * places + at]!, Math.min(3, strength));
    });
  }
  return values;
}

function framesOf(hopMs: number, frames: number, fromMs: number, toMs: number): [number, number] {
  const from = Math.min(frames - 1, Math.max(0, Math.round(fromMs / hopMs)));
  return [from, Math.max(from + 1, Math.min(frames, Math.round(toMs / hopMs)))];
}
