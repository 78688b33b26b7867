import FFT from 'fft.js';

/** Tempi that are looked for, BPM. Ratios of what is found reach further. */
const slowest = 55;
const fastest = 310;
/** Multiples of the beat rate whose strength speaks for a tempo, and how much. */
const harmonics: readonly (readonly [number, number])[] = [
  [1, 1],
  [2, 1],
  [3, 0.35],
  [4, 0.7],
  [6, 0.2],
  [8, 0.4],
];
/** Ranked maps lie around 150 BPM, two thirds of them within 0.42 octaves. */
const priorBpm = 150;
const priorOctaves = 0.42;
const stepBpm = 0.02;

/** Magnitude of a spectrum at a rate in Hz. */
export type Magnitude = (hz: number) => number;

export interface TempoPeak {
  bpm: number;
  score: number;
}

/** The spectrum of an envelope of attacks between two frames; good to 45 Hz. */
export function attackSpectrum(envelope: Float32Array, hopMs: number, from = 0, to = envelope.length): Magnitude {
  const step = 3; // 115 values a second
  const count = Math.floor((to - from) / step);
  const size = 2 ** Math.ceil(Math.log2(Math.max(count * 4, 4096)));
  const input = new Array<number>(size).fill(0);
  let mean = 0;
  for (let i = 0; i < count; i += 1) {
    const at = from + i * step;
    input[i] = envelope[at]! + envelope[at + 1]! + envelope[at + 2]!;
    mean += input[i]! / count;
  }
  for (let i = 0; i < count; i += 1) input[i] = (input[i]! - mean) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / count));
  const fft = transformOf(size);
  const out = fft.createComplexArray() as number[];
  fft.realTransform(out, input);
  const binHz = 1000 / (hopMs * step) / size;
  const power = Float64Array.from({ length: size / 2 }, (_, bin) => Math.hypot(out[2 * bin]!, out[2 * bin + 1]!));
  return (hz) => {
    const at = hz / binHz;
    const bin = Math.floor(at);
    if (bin + 1 >= power.length) return 0;
    return power[bin]! + (at - bin) * (power[bin + 1]! - power[bin]!);
  };
}

let transform: FFT | undefined;

/** The last transform again if it is of this size: its tables take longer than a window's spectrum. */
function transformOf(size: number): FFT {
  if (transform?.size !== size) transform = new FFT(size);
  return transform;
}

/** Tempi by harmonic sum times the prior, best first. */
export function tempoPeaks(magnitude: Magnitude, from = slowest, to = fastest, step = stepBpm): TempoPeak[] {
  const count = Math.max(3, Math.round((to - from) / step));
  const sums = Float64Array.from({ length: count }, (_, i) => harmonicSum(magnitude, from + i * step));
  const peaks: TempoPeak[] = [];
  for (let i = 1; i + 1 < count; i += 1) {
    if (sums[i]! < sums[i - 1]! || sums[i]! <= sums[i + 1]!) continue;
    const bend = sums[i - 1]! - 2 * sums[i]! + sums[i + 1]!;
    const bpm = from + (i + (bend === 0 ? 0 : (0.5 * (sums[i - 1]! - sums[i + 1]!)) / bend)) * step;
    peaks.push({ bpm, score: sums[i]! * tempoPrior(bpm) });
  }
  return peaks.sort((a, b) => b.score - a.score || a.bpm - b.bpm);
}

/** Strength of the multiples of a tempo's beat rate that speak for it. */
export const harmonicSum = (magnitude: Magnitude, bpm: number) =>
  harmonics.reduce((sum, [multiple, weight]) => sum + weight * magnitude((multiple * bpm) / 60), 0);

/** How usual a tempo is in maps, 0 to 1. */
const tempoPrior = (bpm: number) => Math.exp(-0.5 * (Math.log2(bpm / priorBpm) / priorOctaves) ** 2);
