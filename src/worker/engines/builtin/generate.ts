import { comboColours, drawBackground } from './beatmap/background.ts';
import { coverOf } from './beatmap/cover.ts';
import { breaksOf, effectsOf } from './beatmap/effects.ts';
import { describeMap, fileStem, type Metadata, type SongTags } from './beatmap/metadata.ts';
import { osuFile } from './beatmap/osu-file.ts';
import { packAudio, packOsz } from './beatmap/osz.ts';
import type { ToWav } from './audio/decode.ts';
import type { Draft, Score } from './compose.ts';
import { GenerateError } from './errors.ts';
import { planMap, type MapParams } from './plan.ts';
import { createRandom, seedFrom } from './random.ts';
import { drainOf, findMap, isMap, starsTolerance, type Attempt } from './search.ts';
import { analyseSong, type Song, type Tell } from './song.ts';
import { OSU_OFFSET_MS } from './timing/timing.ts';

/** One map as text, with what was reached. */
export interface MadeMap {
  text: string;
  metadata: Metadata;
  stars: number;
  warnings: string[];
}

const shortestDrainMs = 30_000;
const mostToldIssues = 5;

export interface GeneratedFile {
  name: string;
  bytes: Uint8Array;
}

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
  const window = [params.start_time ?? 0, params.end_time ?? Infinity] as const;
  const drainMs = Math.min(window[1], song.audio.durationMs) - window[0];
  const { plan, warnings } = planMap(params, { drainMs, bpm: mainBpm(song) });
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

  const found = findMap(song, { plan, window, random, write, onAttempt });
  if (!isMap(found.draft)) {
    throw new GenerateError(
      'audio_too_short',
      'The song, or the part of it that was asked for, is too short for a map.',
    );
  }
  const { text, blocking } = countable(found);
  const [first] = song.timing.points;
  if (params.offset !== undefined && params.offset > (first!.meter * 60_000) / first!.bpm) {
    warnings.push(`Nothing is mapped before the offset of ${params.offset} ms.`);
  }
  const stars = Math.round(found.stars * 100) / 100;
  if (Math.abs(found.stars - plan.stars) > starsTolerance) {
    warnings.push(`${plan.stars} stars cannot be reached on this song; the map has ${stars}.`);
  }
  const drain = drainOf(found.draft);
  if (drain < shortestDrainMs) warnings.push(`The map is ${Math.round(drain / 1000)} s long; a ranked map needs 30 s.`);
  for (const { id, time, message } of blocking.slice(0, mostToldIssues))
    warnings.push(`A rule is broken (${id}${time === null ? '' : `, at ${time} ms`}): ${message}.`);
  return { text, metadata, stars, warnings };
}

/** Only lazer can count the score of a very long map (mapping rule B18): its tags say so. */
function countable({ text, blocking }: Attempt): Pick<Attempt, 'text' | 'blocking'> {
  const rest = blocking.filter(({ id }) => id !== 'B18');
  return rest.length === blocking.length
    ? { text, blocking }
    : { text: text.replace(/^Tags:/m, 'Tags:lazer-only '), blocking: rest };
}

/** The tempo of most beats; the first one's where the song ends before its first beat. */
function mainBpm({ score: { grid }, timing }: Song): number {
  const beats = new Map<number, number>();
  for (const { phase, tempo } of grid.ticks)
    if (phase === 0) beats.set(tempo.point.bpm, (beats.get(tempo.point.bpm) ?? 0) + 1);
  return [...beats].reduce((a, b) => (b[1] > a[1] ? b : a), [timing.points[0]!.bpm, 0])[0];
}

const seedOf = ({ hash }: Song, params: MapParams) => params.seed ?? seedFrom(hash + JSON.stringify(params));
