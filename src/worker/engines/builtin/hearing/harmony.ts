import FFT from 'fft.js';

const size = 2048;
/** 35 ms at 22.05 kHz. */
const hop = 768;
/** Bands of the spectrum from 40 Hz to 10.5 kHz, log-spaced. */
export const levelBands = 20;
const lowestHz = 40;
const highestHz = 10_500;
/** Tones are looked for here: below, the transform cannot part semitones; above, there are overtones only. */
const lowestToneHz = 130;
const highestToneHz = 4_000;
/** A peak this far below the strongest of its frame is no tone (40 dB). */
const faint = 1e-4;
/** Range of the melody, MIDI note numbers: C3 to C6. */
const lowestNote = 48;
const highestNote = 84;
/** What a peak says for the notes it may be an overtone of: semitones below, weight. */
const overtones: readonly (readonly [number, number])[] = [
  [0, 1],
  [12, 0.6],
  [19, 0.4],
  [24, 0.3],
];
const silence = 1e-9;

/** What sounds, every 35 ms; frame i is centred on i · hopMs. All by frame, so a frame's chroma is `chroma[frame · 12 + class]`. */
export interface Harmony {
  hopMs: number;
  frames: number;
  /** Power of the spectral peaks by pitch class, C first. */
  chroma: Float32Array;
  /** Level of each band, dB (full scale about 50, silence −90). */
  levels: Float32Array;
  /** The most salient note, MIDI number; 0 where there is no tone. */
  pitch: Uint8Array;
}

/** Chroma, band levels and the leading note of a song, from its samples. Linear in the length; 104 bytes a frame. */
export function computeHarmony(mono: Float32Array, sampleRate: number): Harmony {
  const frames = Math.max(1, Math.floor(mono.length / hop));
  const harmony: Harmony = {
    hopMs: (hop / sampleRate) * 1000,
    frames,
    chroma: new Float32Array(frames * 12),
    levels: new Float32Array(frames * levelBands),
    pitch: new Uint8Array(frames),
  };
  const fft = new FFT(size);
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const input = new Array<number>(2 * size).fill(0);
  const output = new Array<number>(2 * size).fill(0);
  const sound = new Float32Array(size + hop);
  const power = [new Float64Array(size / 2), new Float64Array(size / 2)] as const;
  const read = readFrame(sampleRate);
  // Two real frames ride in one complex transform: a in the real part, b in the imaginary part.
  for (let frame = 0; frame < frames; frame += 2) {
    copyFrom(mono, frame * hop - size / 2, sound);
    for (let i = 0; i < size; i += 1) {
      input[2 * i] = sound[i]! * window[i]!;
      input[2 * i + 1] = sound[i + hop]! * window[i]!;
    }
    fft.transform(output, input);
    for (let bin = 1; bin < size / 2; bin += 1) {
      const re = output[2 * bin]!;
      const im = output[2 * bin + 1]!;
      const mirrorRe = output[2 * (size - bin)]!;
      const mirrorIm = output[2 * (size - bin) + 1]!;
      power[0][bin] = ((re + mirrorRe) ** 2 + (im - mirrorIm) ** 2) / 4;
      power[1][bin] = ((im + mirrorIm) ** 2 + (mirrorRe - re) ** 2) / 4;
    }
    read(power[0], harmony, frame);
    if (frame + 1 < frames) read(power[1], harmony, frame + 1);
  }
  return harmony;
}

/** Fills `target` with the samples from `start` on, with silence where there are none. */
export function copyFrom(samples: Float32Array, start: number, target: Float32Array): void {
  const from = Math.max(0, start);
  const part = samples.subarray(from, Math.max(from, start + target.length));
  if (part.length < target.length) target.fill(0);
  target.set(part, from - start);
}

/** Writes what one power spectrum says into the frame. */
function readFrame(sampleRate: number) {
  const binHz = sampleRate / size;
  const edges = Array.from({ length: levelBands + 1 }, (_, i) =>
    Math.min(size / 2, Math.round((lowestHz * (highestHz / lowestHz) ** (i / levelBands)) / binHz)),
  );
  for (let i = 1; i < edges.length; i += 1) edges[i] = Math.max(edges[i]!, edges[i - 1]! + 1);
  const lowestTone = Math.ceil(lowestToneHz / binHz);
  const highestTone = Math.floor(highestToneHz / binHz);
  const salience = new Float64Array(128);

  return (power: Float64Array, { chroma, levels, pitch }: Harmony, frame: number) => {
    for (let band = 0; band < levelBands; band += 1) {
      let sum = 0;
      for (let bin = edges[band]!; bin < edges[band + 1]!; bin += 1) sum += power[bin]!;
      levels[frame * levelBands + band] = 10 * Math.log10(sum + silence);
    }
    let strongest = 0;
    for (let bin = lowestTone; bin < highestTone; bin += 1) strongest = Math.max(strongest, power[bin]!);
    if (strongest < silence) return;
    salience.fill(0);
    for (let bin = lowestTone; bin < highestTone; bin += 1) {
      const below = power[bin - 1]!;
      const here = power[bin]!;
      const above = power[bin + 1]!;
      if (here < below || here <= above || here < faint * strongest) continue;
      const bent = (Math.sqrt(below) - Math.sqrt(above)) / (Math.sqrt(below) - 2 * Math.sqrt(here) + Math.sqrt(above));
      const note = Math.round(69 + 12 * Math.log2(((bin + bent / 2) * binHz) / 440));
      chroma[frame * 12 + (note % 12)]! += below + here + above;
      const loudness = Math.sqrt(Math.sqrt(here));
      for (const [interval, weight] of overtones) salience[Math.max(0, note - interval)]! += weight * loudness;
    }
    let best = lowestNote;
    for (let note = lowestNote; note <= highestNote; note += 1) if (salience[note]! > salience[best]!) best = note;
    pitch[frame] = salience[best]! > 0 ? best : 0;
  };
}
