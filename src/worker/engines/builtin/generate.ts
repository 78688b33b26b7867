import { createHash } from 'node:crypto';
import { starsOf } from '../../stars.ts';
import { drawBackground } from './background.ts';
import { decodeAudio, type ToWav } from './decode.ts';
import { GenerateError } from './errors.ts';
import { computeFeatures } from './features.ts';
import { fitStars } from './fit.ts';
import { findStructure, layGrid, pulseOf } from './grid.ts';
import { breaksOf, draftMap, effectsOf, previewOf, type Knobs, type Score } from './map.ts';
import { describeMap, fileStem, type SongTags } from './metadata.ts';
import { osuFile } from './osu-file.ts';
import { packAudio, packOsz } from './osz.ts';
import { planMap, type MapParams } from './plan.ts';
import { createRandom, seedFrom } from './random.ts';
import { detectTiming } from './timing.ts';

/** What the generator says while it works. */
export type Report =
  | { stage: string; percent: number }
  | { warning: string }
  | { timing: { bpm: number; offset_ms: number; confidence: number } }
  | { stars: { asked: number; got: number } };

export interface GeneratedFile {
  name: string;
  bytes: Uint8Array;
}

const fewestObjects = 5;
const shortestDrainMs = 30_000;
/** Nothing is mapped in the last instant of a song. */
const tailMs = 150;
const starsTolerance = 0.1;

/**
 * A song and what is asked of it → the files of an osu!standard map. The same bytes and parameters give the same files.
 * Throws GenerateError for what cannot be mapped.
 */
export async function generate(
  bytes: Uint8Array,
  song: SongTags,
  params: MapParams,
  tell: (report: Report) => void,
  toWav?: ToWav,
): Promise<GeneratedFile[]> {
  if ((params.gamemode ?? 0) !== 0) {
    throw new GenerateError('mode_not_available', 'The built-in generator makes osu!standard maps (gamemode 0) only.');
  }
  const audio = await decodeAudio(bytes, toWav, tellEveryTenth(tell));
  tell({ stage: 'preprocessing', percent: 0 });
  const features = computeFeatures(audio.mono, audio.sampleRate);
  tell({ stage: 'generating_timing', percent: 0 });
  const timing = detectTiming(features, given(params));
  const [point] = timing.points;
  if (!point) throw new GenerateError('no_beat_found', 'No beat was found.');
  for (const warning of timing.warnings) tell({ warning });
  tell({ timing: { bpm: point.bpm, offset_ms: point.offsetMs, confidence: timing.confidence } });

  tell({ stage: 'generating_map', percent: 0 });
  const plan = planMap(params, pulseOf(point.bpm));
  const seed = params.seed ?? seedFrom(createHash('sha256').update(bytes).update(JSON.stringify(params)).digest('hex'));
  const random = createRandom(seed);
  const end = Math.min(params.end_time ?? Infinity, audio.durationMs - tailMs);
  const grid = layGrid(features, point, params.start_time ?? 0, end);
  const score: Score = { grid, structure: findStructure(grid) };
  const effects = effectsOf(score);
  const metadata = describeMap(song, params, plan, seed);
  const packed = await packAudio(bytes, audio.format, toWav);
  const write = (knobs: Knobs) => {
    const draft = draftMap(score, plan, knobs, params.hitsounded ?? true, random);
    const text = osuFile({
      ...metadata,
      audioFilename: packed.filename,
      previewTime: params.preview_time ?? previewOf(effects, audio.durationMs),
      beatDivisor: 4 * Math.max(1, grid.pulse),
      hp: plan.hp,
      cs: plan.cs,
      od: plan.od,
      ar: plan.ar,
      sliderMultiplier: plan.sliderMultiplier,
      tickRate: plan.tickRate,
      background: 'background.png',
      breaks: breaksOf(draft.objects, plan.ar),
      timingPoints: timing.points,
      effects,
      hitObjects: draft.hitObjects,
    });
    return { text, objects: draft.objects };
  };

  const fit = fitStars(plan.stars, (knobs) => starsOf(write(knobs).text));
  const { text, objects } = write(fit.knobs);
  const got = Math.round(fit.stars * 100) / 100;
  tell({ stars: { asked: plan.stars, got } });
  if (Math.abs(fit.stars - plan.stars) > starsTolerance) {
    tell({ warning: `${plan.stars} stars cannot be reached on this song; the map has ${got}.` });
  }
  if (objects.length < fewestObjects) {
    throw new GenerateError(
      'audio_too_short',
      'The song, or the part of it that was asked for, is too short for a map.',
    );
  }
  const drain = (objects.at(-1)!.end ?? objects.at(-1)!.start).time - objects[0]!.start.time;
  if (drain < shortestDrainMs)
    tell({ warning: `The map is ${Math.round(drain / 1000)} s long; a ranked map needs 30 s.` });

  tell({ stage: 'saving', percent: 0 });
  const stem = fileStem(metadata);
  const osu = { name: `${stem}.osu`, bytes: new TextEncoder().encode(text) };
  if (params.export_osz === false) return [osu];
  const background = { filename: 'background.png', bytes: drawBackground(random) };
  return [{ name: `${stem}.osz`, bytes: packOsz(osu.name, text, [packed, background]) }, osu];
}

/** Decoding as percents of its stage, not oftener than every ten. */
function tellEveryTenth(tell: (report: Report) => void) {
  let told = -10;
  return (decoded: number) => {
    const percent = Math.floor(decoded * 10) * 10;
    if (percent < told + 10) return;
    told = percent;
    tell({ stage: 'loading', percent });
  };
}

const given = ({ bpm, offset }: MapParams) => ({
  ...(bpm === undefined ? {} : { bpm }),
  ...(offset === undefined ? {} : { offsetMs: offset }),
});
