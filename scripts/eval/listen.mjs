// What the song itself says, heard apart from the generator: onsets, loud and quiet stretches, bars that come back.
import FFT from 'fft.js';
import { decodeAudio } from '../../dist/worker/engines/builtin/audio/decode.js';
import { mean } from './numbers.mjs';

const frame = 1024;
const hopMs = 5;
const bandCount = 40;
const bandRange = [40, 10_000];
/** Mean number of onsets a second that are kept; the study of human maps used as many. */
const onsetsPerSecond = 8;
/** Frames between the two spectra whose difference is the flux, and how far around a peak nothing is higher. */
const lag = 3;
const peakFrames = 5;
const logFloor = 1e-3;
const lowBelow = 160;
const highAbove = 5000;

/**
 * Bytes of a song → { onsets: ms, fluxAt: { low, high } of ms, loudness(from, to), repeats(bars) }. Onsets are maxima of SuperFlux
 * (Böck and Widmer 2013: log spectrum of 40 bands, difference to the band maximum of three frames ago) at 22.05 kHz, 5 ms hop.
 */
export async function listen(bytes) {
  const { mono, sampleRate } = await decodeAudio(bytes);
  const { bands, centres } = bandEnergies(mono, sampleRate);
  const flux = fluxes(bands, centres);
  const at = (kind) => (time) => highest(flux[kind], time / hopMs, 4);
  const found = new Map();
  const repeats = (bars) => {
    const key = JSON.stringify([bars[0]?.from, bars.at(-1)?.to]); // maps of one song mostly have the same bars
    if (!found.has(key)) found.set(key, repeatedBars(bands, bars));
    return found.get(key);
  };
  return {
    onsets: onsetTimes(flux.all, (mono.length / sampleRate) * onsetsPerSecond),
    fluxAt: { low: at('low'), high: at('high') },
    loudness: loudnessOf(mono, sampleRate),
    repeats,
  };
}

/** Mean square of the samples between two times, ms. */
function loudnessOf(mono, sampleRate) {
  const sums = new Float64Array(mono.length + 1);
  for (let i = 0; i < mono.length; i += 1) sums[i + 1] = sums[i] + mono[i] * mono[i];
  const at = (time) => Math.max(0, Math.min(mono.length, Math.round((time * sampleRate) / 1000)));
  return (from, to) => (sums[at(to)] - sums[at(from)]) / Math.max(1, at(to) - at(from));
}

/** Log energies, frames × bands, the frame's time being its middle. */
function bandEnergies(mono, sampleRate) {
  const fft = new FFT(frame);
  const [input, output] = [new Array(frame), fft.createComplexArray()];
  const window = Float64Array.from({ length: frame }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / frame));
  const edges = Array.from({ length: bandCount + 1 }, (_, n) => {
    const hertz = bandRange[0] * (bandRange[1] / bandRange[0]) ** (n / bandCount);
    return Math.max(n + 1, Math.round((hertz * frame) / sampleRate));
  });
  const hop = (sampleRate * hopMs) / 1000;
  const frames = Math.floor((mono.length + frame / 2) / hop);
  const bands = Array.from({ length: frames }, () => new Float32Array(bandCount));
  for (let n = 0; n < frames; n += 1) {
    const start = Math.round(n * hop) - frame / 2;
    for (let i = 0; i < frame; i += 1) input[i] = (mono[start + i] ?? 0) * window[i];
    fft.realTransform(output, input);
    for (let b = 0; b < bandCount; b += 1) {
      let energy = 0;
      for (let k = edges[b]; k < Math.max(edges[b] + 1, edges[b + 1]); k += 1)
        energy += Math.hypot(output[2 * k], output[2 * k + 1]);
      bands[n][b] = Math.log(logFloor + energy / frame);
    }
  }
  const centres = edges.map((edge) => (edge * sampleRate) / frame);
  return { bands, centres };
}

function fluxes(bands, centres) {
  const flux = {
    all: new Float32Array(bands.length),
    low: new Float32Array(bands.length),
    high: new Float32Array(bands.length),
  };
  for (let n = lag; n < bands.length; n += 1) {
    const [now, before] = [bands[n], bands[n - lag]];
    for (let b = 0; b < bandCount; b += 1) {
      const ceiling = Math.max(before[b], before[b - 1] ?? -Infinity, before[b + 1] ?? -Infinity);
      const rise = Math.max(0, now[b] - ceiling);
      flux.all[n] += rise;
      if (centres[b] < lowBelow) flux.low[n] += rise;
      if (centres[b] > highAbove) flux.high[n] += rise;
    }
  }
  return flux;
}

function highest(list, position, radius) {
  let best = 0;
  const middle = Math.round(position);
  for (let i = Math.max(0, middle - radius); i <= Math.min(list.length - 1, middle + radius); i += 1)
    best = Math.max(best, list[i]);
  return best;
}

/** The `wanted` most prominent maxima: height over the mean of the second around. Sorted ms. */
function onsetTimes(flux, wanted) {
  const sums = new Float64Array(flux.length + 1);
  flux.forEach((value, i) => (sums[i + 1] = sums[i] + value));
  const around = Math.round(500 / hopMs);
  const peaks = [];
  for (let n = 1; n + 1 < flux.length; n += 1) {
    if (flux[n] <= 0 || flux[n] < highest(flux, n, peakFrames) || flux[n] === flux[n - 1]) continue;
    const [from, to] = [Math.max(0, n - around), Math.min(flux.length, n + around)];
    const curve = flux[n - 1] - 2 * flux[n] + flux[n + 1];
    const shift = curve < 0 ? (0.5 * (flux[n - 1] - flux[n + 1])) / curve : 0;
    peaks.push({ time: (n + shift) * hopMs, height: flux[n] - (sums[to] - sums[from]) / (to - from) });
  }
  peaks.sort((a, b) => b.height - a.height || a.time - b.time);
  return peaks
    .slice(0, Math.round(wanted))
    .map(({ time }) => time)
    .sort((a, b) => a - b);
}

const repeatBars = 4;
const repeatLikeness = 0.8;

/**
 * Bars ([{ from, to }] ms) whose sound comes back → pairs [earlier, later] of their indexes: the spectra of four bars in a row, the song's mean
 * taken off, resemble those of four earlier bars (cosine ≥ 0.8), at least four bars before.
 */
function repeatedBars(bands, bars) {
  const vectors = bars.map(({ from, to }) => barVector(bands, from, to));
  const middle = vectors[0]?.map((_, i) => mean(vectors.map((vector) => vector[i]))) ?? [];
  const centred = vectors.map((vector) => unit(vector.map((value, i) => value - middle[i])));
  const alike = (a, b) => centred[a].reduce((total, value, i) => total + value * centred[b][i], 0);
  const pairs = [];
  for (let later = repeatBars; later + repeatBars <= bars.length; later += 1) {
    let best = { likeness: repeatLikeness };
    for (let earlier = 0; earlier + repeatBars <= later; earlier += 1) {
      const likeness = mean([0, 1, 2, 3].map((n) => alike(earlier + n, later + n)));
      if (likeness > best.likeness) best = { likeness, earlier };
    }
    if (best.earlier !== undefined) pairs.push([best.earlier, later]);
  }
  return pairs;
}

const slots = 16;

function barVector(bands, from, to) {
  return Array.from({ length: slots }, (_, slot) => {
    const start = Math.round((from + ((to - from) * slot) / slots) / hopMs);
    const end = Math.max(start + 1, Math.round((from + ((to - from) * (slot + 1)) / slots) / hopMs));
    const inside = bands.slice(Math.max(0, start), Math.max(1, end));
    return Array.from({ length: bandCount / 4 }, (_, b) =>
      inside.length === 0
        ? Math.log(logFloor)
        : mean(inside.map((one) => (one[4 * b] + one[4 * b + 1] + one[4 * b + 2] + one[4 * b + 3]) / 4)),
    );
  }).flat();
}

function unit(vector) {
  const length = Math.sqrt(vector.reduce((total, value) => total + value * value, 0)) || 1;
  return vector.map((value) => value / length);
}
