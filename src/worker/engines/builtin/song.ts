import { createHash } from 'node:crypto';
import { decodeAudio, type DecodedAudio, type ToWav } from './audio/decode.ts';
import type { Score } from './compose.ts';
import { computeFeatures, type Features } from './hearing/features.ts';
import { layGrid, type GridOptions } from './hearing/grid.ts';
import { computeHarmony, type Harmony } from './hearing/harmony.ts';
import { findStructure } from './hearing/structure.ts';
import type { MapParams } from './plan.ts';
import { detectTiming, type Timing } from './timing/timing.ts';

/** What the generator says while it works. */
export type Report =
  | { stage: string; percent: number }
  | { warning: string }
  | { timing: { bpm: number; offset_ms: number; confidence: number; onset_lag_ms?: number } }
  | { stars: { asked: number; got: number } };

export type Tell = (report: Report) => void;

/** A song as it was heard: all that maps of it are made from. */
export interface Song {
  audio: Omit<DecodedAudio, 'mono'>;
  timing: Timing;
  features: Features;
  harmony: Harmony;
  /** On the grid that the song suggests. */
  score: Score;
  /** SHA-256 of the file. */
  hash: string;
}

/** Nothing is mapped in the last instant of a song. */
const tailMs = 150;

/** Decodes and listens. Of the parameters only those of the timing count. Throws GenerateError for what is no song. */
export async function analyseSong(
  bytes: Uint8Array,
  params: MapParams,
  tell: Tell = () => undefined,
  toWav?: ToWav,
): Promise<Song> {
  const sound = await hearSong(bytes, tell, toWav);
  tell({ stage: 'generating_timing', percent: 0 });
  const heard = { ...sound, timing: detectTiming(sound.features, givenTiming(params)) };
  return { ...heard, score: layScore(heard), hash: createHash('sha256').update(bytes).digest('hex') };
}

/** Decodes and listens; the samples, 5 MB a minute, are let go when this returns. */
async function hearSong(bytes: Uint8Array, tell: Tell, toWav?: ToWav) {
  const { mono, ...audio } = await decodeAudio(bytes, toWav, tellEveryTenth(tell));
  tell({ stage: 'preprocessing', percent: 0 });
  const harmony = computeHarmony(mono, audio.sampleRate);
  const features = computeFeatures(mono, audio.sampleRate, harmony);
  return { audio, features, harmony };
}

/** A song on another grid than the usual. */
export function layScore(
  { audio, timing, features, harmony }: Omit<Song, 'score' | 'hash'>,
  options?: GridOptions,
): Score {
  const grid = layGrid(features, harmony, timing.points, audio.durationMs - tailMs, options);
  return { grid, structure: findStructure(grid, harmony) };
}

/** Decoding as percents of its stage, not oftener than every ten. */
function tellEveryTenth(tell: Tell) {
  let told = -10;
  return (decoded: number) => {
    const percent = Math.floor(decoded * 10) * 10;
    if (percent < told + 10) return;
    told = percent;
    tell({ stage: 'loading', percent });
  };
}

const givenTiming = ({ bpm, offset, points, super_timing: thorough }: MapParams) => ({
  ...(points ? { points } : {}),
  ...(thorough ? { thorough } : {}),
  ...(bpm === undefined ? {} : { bpm }),
  ...(offset === undefined ? {} : { offsetMs: offset }),
});
