import { createHash } from 'node:crypto';
import { starsOf } from '../../stars.ts';
import { drawBackground } from './background.ts';
import { breaksOf, effectsOf } from './beatmap.ts';
import { catcher } from './catch.ts';
import { windowOf, type Composer, type Draft, type Knobs, type Score } from './compose.ts';
import { decodeAudio, type DecodedAudio, type ToWav } from './decode.ts';
import { GenerateError } from './errors.ts';
import { computeFeatures } from './features.ts';
import { fitStars } from './fit.ts';
import { layGrid } from './grid.ts';
import { computeHarmony } from './harmony.ts';
import { endOf } from './hit-objects.ts';
import { mania } from './mania.ts';
import { describeMap, fileStem, type Metadata, type SongTags } from './metadata.ts';
import { osuFile } from './osu-file.ts';
import { packAudio, packOsz } from './osz.ts';
import { planMap, type MapParams, type Mode } from './plan.ts';
import { createRandom, seedFrom } from './random.ts';
import { standard } from './standard/standard.ts';
import { findStructure } from './structure.ts';
import { taiko } from './taiko.ts';
import { detectTiming, type Timing } from './timing.ts';

/** What the generator says while it works. */
export type Report =
  | { stage: string; percent: number }
  | { warning: string }
  | { timing: { bpm: number; offset_ms: number; confidence: number } }
  | { stars: { asked: number; got: number } };

type Tell = (report: Report) => void;

export interface GeneratedFile {
  name: string;
  bytes: Uint8Array;
}

/** A song as it was heard: all that maps of it are made from. */
export interface Song {
  audio: Omit<DecodedAudio, 'mono'>;
  timing: Timing;
  score: Score;
  /** SHA-256 of the file. */
  hash: string;
}

/** One map as text, with what was reached. */
export interface MadeMap {
  text: string;
  metadata: Metadata;
  stars: number;
  warnings: string[];
}

const composers: Record<Mode, Composer> = { 0: standard, 1: taiko, 2: catcher, 3: mania };
const fewestObjects = 5;
const shortestDrainMs = 30_000;
/** Nothing is mapped in the last instant of a song. */
const tailMs = 150;
const starsTolerance = 0.1;
const backgroundName = 'background.png';

/**
 * A song and what is asked of it → the files of a map. The same bytes and parameters give the same files.
 * Throws GenerateError for what cannot be mapped.
 */
export async function generate(
  bytes: Uint8Array,
  tags: SongTags,
  params: MapParams,
  tell: Tell,
  toWav?: ToWav,
): Promise<GeneratedFile[]> {
  const song = await analyseSong(bytes, params, tell, toWav);
  const [point] = song.timing.points;
  for (const warning of song.timing.warnings) tell({ warning });
  tell({ timing: { bpm: point!.bpm, offset_ms: point!.offsetMs, confidence: song.timing.confidence } });

  tell({ stage: 'generating_map', percent: 0 });
  const packed = await packAudio(bytes, song.audio.format, toWav);
  const made = makeMap(song, tags, params, packed.filename);
  tell({ stars: { asked: params.difficulty ?? 5, got: made.stars } });
  for (const warning of made.warnings) tell({ warning });

  tell({ stage: 'saving', percent: 0 });
  const stem = fileStem(made.metadata);
  const osu = { name: `${stem}.osu`, bytes: new TextEncoder().encode(made.text) };
  if (params.export_osz === false) return [osu];
  const background = { filename: backgroundName, bytes: drawBackground(createRandom(seedOf(song, params))) };
  return [{ name: `${stem}.osz`, bytes: packOsz(osu.name, made.text, [packed, background]) }, osu];
}

/** Decodes and listens. Of the parameters only those of the timing count. Throws GenerateError for what is no song. */
export async function analyseSong(
  bytes: Uint8Array,
  params: MapParams,
  tell: Tell = () => undefined,
  toWav?: ToWav,
): Promise<Song> {
  const { mono, ...audio } = await decodeAudio(bytes, toWav, tellEveryTenth(tell));
  tell({ stage: 'preprocessing', percent: 0 });
  const features = computeFeatures(mono, audio.sampleRate);
  const harmony = computeHarmony(mono, audio.sampleRate);
  tell({ stage: 'generating_timing', percent: 0 });
  const timing = detectTiming(features, givenTiming(params));
  const grid = layGrid(features, harmony, timing.points, audio.durationMs - tailMs);
  const score: Score = { grid, structure: findStructure(grid, harmony) };
  return { audio, timing, score, hash: createHash('sha256').update(bytes).digest('hex') };
}

/** One map of a song. Throws GenerateError where there is too little to map. */
export function makeMap(song: Song, tags: SongTags, params: MapParams, audioFilename: string): MadeMap {
  const { plan, warnings } = planMap(params);
  const seed = seedOf(song, params);
  const random = createRandom(seed);
  const composer = composers[plan.mode];
  const score = windowOf(song.score, params.start_time ?? 0, params.end_time ?? Infinity, new Set());
  const metadata = describeMap(tags, params, plan, seed);
  const draftOf = (knobs: Knobs) => composer.compose(score, plan, knobs, random);
  const write = (draft: Draft) =>
    osuFile({
      ...metadata,
      mode: plan.mode,
      audioFilename,
      previewTime: params.preview_time ?? song.score.structure.previewMs,
      beatDivisor: 4,
      hp: plan.hp,
      cs: plan.cs,
      od: plan.od,
      ar: plan.ar,
      sliderMultiplier: plan.sliderMultiplier,
      tickRate: plan.tickRate,
      background: backgroundName,
      breaks: breaksOf(draft, plan.ar),
      timingPoints: song.timing.points,
      effects: effectsOf(song.score, draft),
      objects: draft.objects,
    });

  const fit = fitStars(plan.stars, composer.spaced, (knobs) => starsOf(write(draftOf(knobs))));
  const draft = draftOf(fit.knobs);
  const stars = Math.round(fit.stars * 100) / 100;
  if (Math.abs(fit.stars - plan.stars) > starsTolerance) {
    warnings.push(`${plan.stars} stars cannot be reached on this song; the map has ${stars}.`);
  }
  const last = draft.objects.at(-1);
  if (!last || draft.objects.length < fewestObjects) {
    throw new GenerateError(
      'audio_too_short',
      'The song, or the part of it that was asked for, is too short for a map.',
    );
  }
  const drain = endOf(last) - draft.objects[0]!.time;
  if (drain < shortestDrainMs) warnings.push(`The map is ${Math.round(drain / 1000)} s long; a ranked map needs 30 s.`);
  return { text: write(draft), metadata, stars, warnings };
}

const seedOf = ({ hash }: Song, params: MapParams) => params.seed ?? seedFrom(hash + JSON.stringify(params));

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

const givenTiming = ({ bpm, offset }: MapParams) => ({
  ...(bpm === undefined ? {} : { bpm }),
  ...(offset === undefined ? {} : { offsetMs: offset }),
});
