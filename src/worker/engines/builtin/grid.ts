import type { Features } from './features.ts';
import { OSU_OFFSET_MS, type TimingPoint } from './timing.ts';

/** A stretch of the song under one timing point. */
export interface Tempo {
  point: TimingPoint;
  /** Length of the grid's beat, ms. */
  beatMs: number;
  /** Grid beats in one beat of the timing point: 2 for a slow song, 0.5 for a very fast one. */
  pulse: number;
  /** Grid beats in a bar. */
  meter: number;
  /** 4, or 3 where the song is swung or in triplets. */
  ticksPerBeat: number;
}

/** A place of the grid that can carry an edge of an object. */
export interface Tick {
  /** Position in `Grid.ticks`: neighbours differ by one, also over a change of tempo. */
  index: number;
  /** Whole ms, in osu!'s convention. */
  time: number;
  tempo: Tempo;
  /** Bars since the song's first. */
  bar: number;
  /** Ticks since the start of the bar. */
  place: number;
  /** 0 on the beat, 1 on its half (of a triplet: its third third), 2 elsewhere. */
  phase: 0 | 1 | 2;
  /** Attack strength here; about 1 is ordinary, 2 strong. The bands: below 200 Hz, 200 to 6,000 Hz, above. */
  strength: number;
  low: number;
  mid: number;
  high: number;
  /** Loudness (RMS) from here to the next tick. */
  loudness: number;
}

export interface Grid {
  /** All ticks of the song in order of time. */
  ticks: Tick[];
  tempos: Tempo[];
}

const reachMs = 22;

/**
 * The ranking criteria's rhythm rules are written for 180 BPM: up to 90 BPM a half of the beat takes the part of the beat, from
 * 240 BPM on two beats do. The bounds are a little wider here, where a map for them would be too thin or too dense.
 */
export function pulseOf(bpm: number): number {
  return bpm < 100 ? 2 : bpm > 230 ? 0.5 : 1;
}

/** Grid beats in a bar: of a halved or doubled beat as many as the meter has, unless the bar would then end between beats. */
function gridMeter(meter: number, pulse: number): number {
  return pulse === 2 && meter % 2 === 1 ? meter * 2 : meter;
}

/** All ticks of the song from its first whole bar's start (or 0) to `endMs`, with what is heard there. */
export function layGrid(features: Features, points: readonly TimingPoint[], endMs: number): Grid {
  const tempos = points.map((point): Tempo => {
    const pulse = pulseOf(point.bpm);
    const meter = gridMeter(point.meter, pulse);
    return { point, pulse, meter, beatMs: 60_000 / point.bpm / pulse, ticksPerBeat: 4 };
  });
  const ticks: Tick[] = [];
  let bars = 0;
  tempos.forEach((tempo, i) => {
    const { offsetMs } = tempo.point;
    const step = tempo.beatMs / tempo.ticksPerBeat;
    const perBar = tempo.meter * tempo.ticksPerBeat;
    const next = tempos[i + 1];
    // The last tick before a new tempo must not crowd its first.
    const end = next ? next.point.offsetMs - 0.75 * step : endMs;
    const first = i === 0 ? Math.ceil(-offsetMs / step) : 0;
    const firstBar = Math.floor(first / perBar);
    for (let k = first; offsetMs + k * step <= end; k += 1) {
      const exact = offsetMs + k * step;
      const bar = bars + Math.floor(k / perBar) - firstBar;
      ticks.push(listen(features, tempo, { index: ticks.length, exact, bar, place: mod(k, perBar) }));
    }
    const last = ticks.at(-1);
    if (last) bars = last.bar + 1;
  });
  return { ticks, tempos };
}

interface Spot {
  index: number;
  exact: number;
  bar: number;
  place: number;
}

function listen(features: Features, tempo: Tempo, { index, exact, bar, place }: Spot): Tick {
  const heard = exact + OSU_OFFSET_MS;
  const { hopMs } = features;
  const inBeat = place % tempo.ticksPerBeat;
  return {
    index,
    time: Math.floor(exact + 1e-6),
    tempo,
    bar,
    place,
    phase: inBeat === 0 ? 0 : inBeat === 2 ? 1 : 2,
    strength: peakNear(features.full, hopMs, heard),
    low: peakNear(features.low, hopMs, heard),
    mid: peakNear(features.mid, hopMs, heard),
    high: peakNear(features.high, hopMs, heard),
    loudness: meanBetween(features.rms, hopMs, heard, heard + tempo.beatMs / tempo.ticksPerBeat),
  };
}

export const mod = (value: number, base: number) => ((value % base) + base) % base;

function peakNear(envelope: Float32Array, hopMs: number, timeMs: number): number {
  let peak = 0;
  const from = Math.max(0, Math.round((timeMs - reachMs) / hopMs));
  const to = Math.min(envelope.length - 1, Math.round((timeMs + reachMs) / hopMs));
  for (let i = from; i <= to; i += 1) peak = Math.max(peak, envelope[i]!);
  return peak;
}

function meanBetween(values: Float32Array, hopMs: number, fromMs: number, toMs: number): number {
  const from = Math.max(0, Math.round(fromMs / hopMs));
  const to = Math.max(from + 1, Math.min(values.length, Math.round(toMs / hopMs)));
  let sum = 0;
  for (let i = from; i < to; i += 1) sum += values[i] ?? 0;
  return sum / (to - from);
}
