import FFT from 'fft.js';
import { copyFrom, type Harmony } from './harmony.ts';

const size = 512;
/** 2.9 ms at 22.05 kHz. */
const hop = 64;
/** Rise of a band's level over this many frames is what counts as attack. */
const lag = 3;
const bandCount = 20;
const lowestHz = 30;
const highestHz = 10_000;

export interface Features {
  hopMs: number;
  frames: number;
  /** Attack strength of all bands; frame i stands at i · hopMs. Local mean 0 or above, level about 1. */
  full: Float32Array;
  /** Below 200 Hz. */
  low: Float32Array;
  /** 200 Hz to 6 kHz. */
  mid: Float32Array;
  /** Above 6 kHz. */
  high: Float32Array;
  /** 200 Hz to 6 kHz again, by the rise of the amplitude and not of its log: loud notes count for more than ticks. */
  energy: Float32Array;
  /** Loudness (RMS of the frame), not normalised. */
  rms: Float32Array;
  /**
   * Pitch classes of the tones, 12 values a frame from C on, root-compressed so that one loud voice does not hide the others, each frame of
   * length 1 (no tone: 0); frame i stands at i · chromaHopMs.
   */
  chroma: Float32Array;
  chromaHopMs: number;
}

/**
 * Attack envelopes of a song: log levels of 20 bands from 30 Hz to 10 kHz, every 2.9 ms, their rise, by band group, freed from
 * the local mean and brought to an even level. `harmony` is that of the same samples.
 */
export function computeFeatures(mono: Float32Array, sampleRate: number, harmony: Harmony): Features {
  const frames = Math.max(1, Math.floor(mono.length / hop));
  const levels = bandLevels(mono, sampleRate, frames);
  const edges = bandEdges(sampleRate);
  const groups = { low: [] as number[], mid: [] as number[], high: [] as number[] };
  for (let band = 0; band < bandCount; band += 1) {
    const centre = Math.sqrt(edges[band]! * edges[band + 1]!) * (sampleRate / size);
    (centre < 200 ? groups.low : centre > 6000 ? groups.high : groups.mid).push(band);
  }
  const hopMs = (hop / sampleRate) * 1000;
  const envelope = (bands: number[]) => normalise(rise(levels.bands, frames, bands), hopMs);
  return {
    hopMs,
    frames,
    full: envelope([...groups.low, ...groups.mid, ...groups.high]),
    low: envelope(groups.low),
    mid: envelope(groups.mid),
    high: envelope(groups.high),
    energy: normalise(amplitudeRise(levels.bands, frames, groups.mid), hopMs),
    rms: levels.rms,
    chroma: pitchClasses(harmony.chroma),
    chromaHopMs: harmony.hopMs,
  };
}

/** The features between two times, ms; times in them count from the start that is returned, which lies at a whole frame of both kinds. */
export function sliceFeatures(
  features: Features,
  fromMs: number,
  toMs: number,
): { features: Features; startMs: number } {
  const { hopMs, chromaHopMs } = features;
  const firstChroma = Math.max(0, Math.floor(fromMs / chromaHopMs));
  const lastChroma = Math.min(features.chroma.length / 12, Math.ceil(toMs / chromaHopMs));
  const startMs = firstChroma * chromaHopMs;
  const from = Math.round(startMs / hopMs);
  const to = Math.min(features.frames, Math.max(from + 1, Math.round(toMs / hopMs)));
  const cut = (values: Float32Array) => values.subarray(from, to);
  return {
    startMs,
    features: {
      ...features,
      frames: to - from,
      full: cut(features.full),
      low: cut(features.low),
      mid: cut(features.mid),
      high: cut(features.high),
      energy: cut(features.energy),
      rms: cut(features.rms),
      chroma: features.chroma.subarray(firstChroma * 12, lastChroma * 12),
    },
  };
}

/** Edges of the bands in FFT bins, log-spaced, each at least one bin wide. */
function bandEdges(sampleRate: number): number[] {
  const bin = sampleRate / size;
  const edges = Array.from(
    { length: bandCount + 1 },
    (_, i) => (lowestHz * (highestHz / lowestHz) ** (i / bandCount)) / bin,
  );
  for (let i = 1; i < edges.length; i += 1) edges[i] = Math.max(Math.round(edges[i]!), Math.floor(edges[i - 1]!) + 1);
  edges[0] = 1;
  for (let i = 1; i < edges.length; i += 1) edges[i] = Math.max(edges[i]!, edges[i - 1]! + 1);
  return edges.map((edge) => Math.min(edge, size / 2));
}

function bandLevels(mono: Float32Array, sampleRate: number, frames: number) {
  const fft = new FFT(size);
  const edges = bandEdges(sampleRate);
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const bands = Array.from({ length: bandCount }, () => new Float32Array(frames));
  const rms = new Float32Array(frames);
  const input = new Array<number>(2 * size).fill(0);
  const output = new Array<number>(2 * size).fill(0);

  const sound = new Float32Array(size + hop);

  // Two real frames ride in one complex transform: a in the real part, b in the imaginary part.
  for (let frame = 0; frame < frames; frame += 2) {
    copyFrom(mono, frame * hop - size / 2, sound);
    let energyA = 0;
    let energyB = 0;
    for (let i = 0; i < size; i += 1) {
      const a = sound[i]!;
      const b = sound[i + hop]!;
      energyA += a * a;
      energyB += b * b;
      input[2 * i] = a * window[i]!;
      input[2 * i + 1] = b * window[i]!;
    }
    fft.transform(output, input);
    for (let band = 0; band < bandCount; band += 1) {
      let powerA = 0;
      let powerB = 0;
      for (let bin = edges[band]!; bin < edges[band + 1]!; bin += 1) {
        const re = output[2 * bin]!;
        const im = output[2 * bin + 1]!;
        const mirrorRe = output[2 * (size - bin)]!;
        const mirrorIm = output[2 * (size - bin) + 1]!;
        powerA += ((re + mirrorRe) ** 2 + (im - mirrorIm) ** 2) / 4;
        powerB += ((im + mirrorIm) ** 2 + (mirrorRe - re) ** 2) / 4;
      }
      bands[band]![frame] = Math.log(1e-4 + powerA);
      if (frame + 1 < frames) bands[band]![frame + 1] = Math.log(1e-4 + powerB);
    }
    rms[frame] = Math.sqrt(energyA / size);
    if (frame + 1 < frames) rms[frame + 1] = Math.sqrt(energyB / size);
  }
  return { bands, rms };
}

/** Amplitudes of the pitch classes, frame by frame of length 1. */
function pitchClasses(power: Float32Array): Float32Array {
  const chroma = power.map(Math.sqrt);
  for (let at = 0; at < chroma.length; at += 12) {
    let square = 0;
    for (let pitch = at; pitch < at + 12; pitch += 1) square += power[pitch]!;
    if (square > 0) for (let pitch = at; pitch < at + 12; pitch += 1) chroma[pitch]! /= Math.sqrt(square);
  }
  return chroma;
}

/** Mean rise of the bands over `lag` frames; frame i stands for the middle of the rise. */
function rise(bands: Float32Array[], frames: number, chosen: number[]): Float32Array {
  const flux = new Float32Array(frames);
  const shift = Math.floor(lag / 2);
  for (const band of chosen) {
    const level = bands[band]!;
    for (let i = lag; i < frames; i += 1) {
      const delta = level[i]! - level[i - lag]!;
      if (delta > 0) flux[i - shift]! += delta / chosen.length;
    }
  }
  return flux;
}

/** Rise of the bands' common amplitude over `lag` frames. */
function amplitudeRise(bands: Float32Array[], frames: number, chosen: number[]): Float32Array {
  const amplitude = new Float32Array(frames);
  for (const band of chosen) bands[band]!.forEach((level, i) => (amplitude[i]! += Math.exp(level)));
  for (let i = 0; i < frames; i += 1) amplitude[i] = Math.sqrt(amplitude[i]!);
  const flux = new Float32Array(frames);
  const shift = Math.floor(lag / 2);
  for (let i = lag; i < frames; i += 1) flux[i - shift] = Math.max(0, amplitude[i]! - amplitude[i - lag]!);
  return flux;
}

/** Takes off the mean over 0.4 s and brings the level over 5 s to 1. Silence stays 0. */
function normalise(flux: Float32Array, hopMs: number): Float32Array {
  const mean = movingMean(flux, Math.round(200 / hopMs));
  const peaks = flux.map((value, i) => Math.max(0, value - mean[i]!));
  const level = movingMean(
    peaks.map((value) => value * value),
    Math.round(2500 / hopMs),
  );
  const floor = 0.05 * Math.sqrt(level.reduce((most, value) => Math.max(most, value), 0)) + 1e-6;
  return peaks.map((value, i) => value / (Math.sqrt(level[i]!) + floor));
}

/** Mean over ± `radius` frames. */
export function movingMean(values: Float32Array, radius: number): Float32Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i += 1) sums[i + 1] = sums[i]! + values[i]!;
  return values.map((_, i) => {
    const from = Math.max(0, i - radius);
    const to = Math.min(values.length, i + radius + 1);
    return (sums[to]! - sums[from]!) / (to - from);
  });
}
