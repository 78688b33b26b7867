import { createHash } from 'node:crypto';
import { starsOf } from '../../stars.ts';
import { verifyMap, type Issue } from '../../verify/verify.ts';
import { comboColours, drawBackground } from './beatmap/background.ts';
import { breaksOf, effectsOf } from './beatmap/effects.ts';
import { catcher } from './catch/catch.ts';
import { windowOf, type Composer, type Draft, type Score } from './compose.ts';
import { GenerateError } from './errors.ts';
import { decodeAudio, type DecodedAudio, type ToWav } from './audio/decode.ts';
import { coverOf } from './beatmap/cover.ts';
import { computeFeatures, type Features } from './hearing/features.ts';
import { fitStars } from './fit.ts';
import { layGrid, type GridOptions } from './hearing/grid.ts';
import { computeHarmony, type Harmony } from './hearing/harmony.ts';
import { endOf } from './beatmap/hit-objects.ts';
import { mania } from './mania/mania.ts';
import { describeMap, fileStem, type Metadata, type SongTags } from './beatmap/metadata.ts';
import { osuFile } from './beatmap/osu-file.ts';
import { packAudio, packOsz } from './beatmap/osz.ts';
import { planMap, type MapParams, type Mode, type Plan } from './plan.ts';
import { createRandom, seedFrom } from './random.ts';
import { standard } from './standard/standard.ts';
import { findStructure } from './hearing/structure.ts';
import { taiko } from './taiko/taiko.ts';
import { detectTiming, OSU_OFFSET_MS, type Timing } from './timing/timing.ts';

/** What the generator says while it works. */
export type Report =
  | { stage: string; percent: number }
  | { warning: string }
  | { timing: { bpm: number; offset_ms: number; confidence: number; onset_lag_ms?: number } }
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
  features: Features;
  harmony: Harmony;
  /** On the grid that the song suggests. */
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
const shortestMapMs = 2_000;
const shortestDrainMs = 30_000;
/** In place of stars: too little of a map, so that the fit asks for more. */
const noMap = -100;
/** Nothing is mapped in the last instant of a song. */
const tailMs = 150;
const starsTolerance = 0.05;
const repairRounds = 5;
const mostToldIssues = 5;

/**
 * A song and what is asked of it → the files of a map. The same bytes and parameters give the same files.
 * Throws GenerateError for what cannot be mapped.
 */
export async function generate(
  bytes: Uint8Array,
  tags: SongTags & { cover?: Uint8Array },
  params: MapParams,
  tell: Tell,
  toWav?: ToWav,
): Promise<GeneratedFile[]> {
  const song = await analyseSong(bytes, params, tell, toWav);
  const [point] = song.timing.points;
  for (const warning of song.timing.warnings) tell({ warning });
  const isHeard = params.offset === undefined && params.points === undefined;
  tell({
    timing: {
      bpm: point!.bpm,
      offset_ms: point!.offsetMs,
      confidence: song.timing.confidence,
      ...(isHeard ? { onset_lag_ms: OSU_OFFSET_MS } : {}),
    },
  });

  tell({ stage: 'generating_map', percent: 0 });
  const packed = await packAudio(bytes, song.audio.format, toWav);
  const background = coverOf(tags.cover) ?? drawnBackground(song, params);
  let attempts = 0;
  const files = { audio: packed.filename, background: background.filename };
  const made = makeMap(song, tags, params, files, () => {
    attempts += 1;
    tell({ stage: 'generating_map', percent: Math.min(90, 10 * attempts) });
  });
  tell({ stars: { asked: params.difficulty ?? 5, got: made.stars } });
  for (const warning of made.warnings) tell({ warning });

  tell({ stage: 'saving', percent: 0 });
  const stem = fileStem(made.metadata);
  const osu = { name: `${stem}.osu`, bytes: new TextEncoder().encode(made.text) };
  if (params.export_osz === false) return [osu];
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
  const heard = { audio, timing, features, harmony };
  return { ...heard, score: layScore(heard), hash: createHash('sha256').update(bytes).digest('hex') };
}

function layScore({ audio, timing, features, harmony }: Omit<Song, 'score' | 'hash'>, options?: GridOptions): Score {
  const grid = layGrid(features, harmony, timing.points, audio.durationMs - tailMs, options);
  return { grid, structure: findStructure(grid, harmony) };
}

const drawnBackground = (song: Song, params: MapParams) => ({
  filename: 'background.png',
  bytes: drawBackground(createRandom(seedOf(song, params))),
});

/**
 * One map of a song. `files`: names in the archive; `onAttempt`: a whole map was tried, of which there may be several. Throws
 * GenerateError where there is too little to map.
 */
export function makeMap(
  song: Song,
  tags: SongTags,
  params: MapParams,
  files = { audio: 'audio.mp3', background: 'background.png' },
  onAttempt: () => void = () => undefined,
): MadeMap {
  const [from, to] = [params.start_time ?? 0, params.end_time ?? Infinity];
  const { plan, warnings } = planMap(params, Math.min(to, song.audio.durationMs) - from);
  const seed = seedOf(song, params);
  const random = createRandom(seed);
  const metadata = describeMap(tags, params, plan, { seed, hash: song.hash });
  const previewTime = (params.preview_time ?? -1) >= 0 ? params.preview_time! : song.score.structure.previewMs;
  const write = (score: Score, draft: Draft) =>
    osuFile({
      ...metadata,
      ...plan,
      audioFilename: files.audio,
      previewTime,
      beatDivisor: score.grid.tempos[0]?.ticksPerBeat ?? 4,
      background: files.background,
      comboColours: comboColours(random),
      breaks: breaksOf(draft, plan.ar),
      timingPoints: song.timing.points,
      effects: effectsOf(score, draft),
      objects: draft.objects,
    });

  const composer = composers[plan.mode];
  const attemptOn = (whole: Score) => (banned: ReadonlySet<number>) => {
    const score = windowOf(whole, from, to, banned);
    const { knobs, stars } = fitStars(plan.stars, composer.spaced, (tried) => {
      const draft = composer.compose(score, plan, tried, random);
      return isMap(draft) ? starsOf(write(whole, draft)) : noMap;
    });
    const draft = composer.compose(score, plan, knobs, random);
    const text = write(whole, draft);
    onAttempt();
    return { draft, text, stars, blocking: blockingIssues(text, stars, plan) };
  };
  const swing = plan.style.swing === 0 ? {} : { swing: plan.style.swing > 0 };
  const usual = plan.style.swing === 0 ? song.score : layScore(song, swing);
  let best = repaired(attemptOn(usual));
  // What the usual grid has no room for, one of half or of double beats may have; half of a swung beat is no place for anything.
  const miss = plan.stars - best.stars;
  const swung = usual.grid.tempos.some(({ ticksPerBeat }) => ticksPerBeat === 3);
  if (Math.abs(miss) > starsTolerance && !(swung && miss > 0)) {
    const other = repaired(attemptOn(layScore(song, { ...swing, shift: miss > 0 ? 2 : 0.5 })));
    if (other.blocking.length <= best.blocking.length && Math.abs(plan.stars - other.stars) < Math.abs(miss))
      best = other;
  }
  const { draft, stars } = best;
  const [first] = song.timing.points;
  if (params.offset !== undefined && params.offset > (first!.meter * 60_000) / first!.bpm) {
    warnings.push(`Nothing is mapped before the offset of ${params.offset} ms.`);
  }
  // Only lazer can count the score of a very long map.
  const uncountable = best.blocking.some(({ id }) => id === 'B18');
  const text = uncountable ? best.text.replace(/^Tags:/m, 'Tags:lazer-only ') : best.text;
  const blocking = best.blocking.filter(({ id }) => id !== 'B18');

  if (!isMap(draft)) {
    throw new GenerateError(
      'audio_too_short',
      'The song, or the part of it that was asked for, is too short for a map.',
    );
  }
  const got = Math.round(stars * 100) / 100;
  if (Math.abs(stars - plan.stars) > starsTolerance) {
    warnings.push(`${plan.stars} stars cannot be reached on this song; the map has ${got}.`);
  }
  const drain = drainOf(draft);
  if (drain < shortestDrainMs) warnings.push(`The map is ${Math.round(drain / 1000)} s long; a ranked map needs 30 s.`);
  for (const { id, time, message } of blocking.slice(0, mostToldIssues))
    warnings.push(`A rule is broken (${id}${time === null ? '' : `, at ${time} ms`}): ${message}.`);
  return { text, metadata, stars: got, warnings };
}

const drainOf = ({ objects }: Draft) => (objects.length > 0 ? endOf(objects.at(-1)!) - objects[0]!.time : 0);

/** Whether there is enough of it to be called a map. */
const isMap = (draft: Draft) => draft.objects.length >= fewestObjects && drainOf(draft) >= shortestMapMs;

/** What the verifier says against a map, less what was asked for: a short map has a short drain, one without hit sounds none. */
function blockingIssues(text: string, stars: number, plan: Plan): Issue[] {
  const waive = plan.hitsounded ? ['B03'] : ['B03', 'B17'];
  return verifyMap(text, undefined, { stars, waive }).issues.filter(({ level }) => level === 'blocking');
}

interface Attempt {
  draft: Draft;
  text: string;
  stars: number;
  blocking: Issue[];
}

/** Maps again without the ticks at which something was against the rules, until nothing is or nothing changes. */
function repaired(attempt: (banned: ReadonlySet<number>) => Attempt): Attempt {
  const banned = new Set<number>();
  let best = attempt(banned);
  for (let round = 0; round < repairRounds && best.blocking.length > 0; round += 1) {
    const before = banned.size;
    for (const { time } of best.blocking) {
      if (time === null) continue;
      const culprit = best.draft.objects.find((object) => time >= object.time - 1 && time <= endOf(object) + 1);
      if (culprit) banned.add(culprit.time);
    }
    if (banned.size === before) break;
    const next = attempt(banned);
    if (next.blocking.length <= best.blocking.length) best = next;
  }
  return best;
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

const givenTiming = ({ bpm, offset, points, super_timing: thorough }: MapParams) => ({
  ...(points && bpm === undefined ? { points } : {}),
  ...(thorough ? { thorough } : {}),
  ...(bpm === undefined ? {} : { bpm }),
  ...(offset === undefined ? {} : { offsetMs: offset }),
});
