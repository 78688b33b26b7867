import { movingMean, type Features } from './features.ts';
import { OSU_OFFSET_MS, type TimingPoint } from './timing.ts';

/** A quarter of a beat of the grid (see `Grid.pulse`). */
export interface Tick {
  /** Quarters of the grid's beat since the first downbeat; may be negative. */
  index: number;
  /** Whole ms, in osu!'s convention. */
  time: number;
  /** Attack strength here; about 1 is ordinary, 2 strong. */
  strength: number;
  low: number;
  mid: number;
  high: number;
  /** Loudness from here to the next tick. */
  loudness: number;
}

export const ticksPerBeat = 4;
export const ticksPerBar = 16;
const reachMs = 22;

export interface Grid {
  ticks: Tick[];
  /** Length of the grid's beat. */
  beatMs: number;
  /** Grid beats in one beat of the song: 2 for a slow song, 0.5 for a very fast one. */
  pulse: number;
}

/**
 * The ranking criteria's rhythm rules are written for 180 BPM: up to 90 BPM a half of the beat takes the part of the beat, from
 * 240 BPM on two beats do. The bounds are a little wider here, where a map for them would be too thin or too dense.
 */
export function pulseOf(bpm: number): number {
  return bpm < 100 ? 2 : bpm > 230 ? 0.5 : 1;
}

/** All ticks of the song between `startMs` and `endMs`, with what is heard there. */
export function layGrid(features: Features, point: TimingPoint, startMs: number, endMs: number): Grid {
  const pulse = pulseOf(point.bpm);
  const beatMs = 60_000 / point.bpm / pulse;
  const step = beatMs / ticksPerBeat;
  const first = Math.ceil((Math.max(0, startMs) - point.offsetMs) / step);
  const ticks: Tick[] = [];
  for (let index = first; ; index += 1) {
    const exact = point.offsetMs + index * step;
    if (exact > endMs) break;
    const time = Math.floor(exact + 1e-6);
    if (time < startMs) continue;
    const heard = exact + OSU_OFFSET_MS;
    ticks.push({
      index,
      time,
      strength: peakNear(features.full, features.hopMs, heard),
      low: peakNear(features.low, features.hopMs, heard),
      mid: peakNear(features.mid, features.hopMs, heard),
      high: peakNear(features.high, features.hopMs, heard),
      loudness: meanBetween(features.rms, features.hopMs, heard, heard + step),
    });
  }
  return { ticks, beatMs, pulse };
}

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

/** A stretch of bars of about the same intensity. Bars are counted from the first bar of the grid. */
export interface Section {
  firstBar: number;
  lastBar: number;
  /** 0 (the calmest bar of the song) to 1 (the most intense). */
  intensity: number;
  kiai: boolean;
}

export interface Structure {
  /** Intensity of each bar, 0 to 1, smoothed over three bars. */
  intensity: number[];
  sections: Section[];
  /** Bar of a tick. */
  barOf(tick: Tick): number;
}

const kiaiShare = 0.42;
const sectionBars = 4;
const shortestKiai = 8;

/**
 * Intensity by bar (rank of loudness plus attacks), sections of four bars joined where alike, and the kiai: the most intense
 * sections of at least eight bars, at most 42 % of the song.
 */
export function findStructure({ ticks }: Grid): Structure {
  const firstBar = Math.floor((ticks[0]?.index ?? 0) / ticksPerBar);
  const barOf = (tick: Tick) => Math.floor(tick.index / ticksPerBar) - firstBar;
  const count = ticks.length === 0 ? 0 : barOf(ticks.at(-1)!) + 1;
  const energy = new Float32Array(count);
  for (const tick of ticks) energy[barOf(tick)]! += Math.log(1e-3 + tick.loudness) + 0.15 * (tick.strength + tick.low);
  const smooth = movingMean(energy, 1);
  const order = [...smooth.keys()].sort((a, b) => smooth[a]! - smooth[b]! || a - b);
  const intensity = new Array<number>(count).fill(0);
  order.forEach((bar, rank) => (intensity[bar] = count > 1 ? rank / (count - 1) : 1));

  const sections: Section[] = [];
  for (let bar = 0; bar < count; bar += sectionBars) {
    const bars = intensity.slice(bar, bar + sectionBars);
    const mean = bars.reduce((sum, value) => sum + value, 0) / bars.length;
    const last = sections.at(-1);
    if (last && Math.abs(last.intensity - mean) < 0.15) last.lastBar = bar + bars.length - 1;
    else sections.push({ firstBar: bar, lastBar: bar + bars.length - 1, intensity: mean, kiai: false });
  }
  let used = 0;
  for (const section of [...sections].sort((a, b) => b.intensity - a.intensity || a.firstBar - b.firstBar)) {
    const length = section.lastBar - section.firstBar + 1;
    if (section.intensity < 0.6 || length < shortestKiai || used + length > kiaiShare * count) continue;
    section.kiai = true;
    used += length;
  }
  return { intensity, sections, barOf };
}
