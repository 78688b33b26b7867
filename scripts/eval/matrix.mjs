// Maps of songs as users get them, each judged and measured: songs × modes × stars × seeds.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BeatmapDecoder } from 'osu-parsers';
import * as rosu from 'rosu-pp-js';
import { GenerateError } from '../../dist/worker/engines/builtin/errors.js';
import { makeMap } from '../../dist/worker/engines/builtin/generate.js';
import { analyseSong } from '../../dist/worker/engines/builtin/song.js';
import { starsOf } from '../../dist/worker/stars.js';
import { verifyMap } from '../../dist/worker/verify/verify.js';
import { readChart } from './chart.mjs';
import { againstSong } from './metrics/song.mjs';
import { listen } from './listen.mjs';
import { measure } from './measure.mjs';
import { levelOf, osuLagMs } from './references.mjs';

/** Seven keys and a fifth of long notes on every other song, the usual four keys and the default ratio on the rest. */
const maniaParams = (number) => (number % 2 ? { keycount: 7, hold_note_ratio: 0.2 } : { keycount: 4 });

const paramsOf = ({ number, mode, stars, seed }) => ({
  gamemode: mode,
  difficulty: stars,
  seed,
  ...(mode === 3 ? maniaParams(number) : {}),
});

/** A song ready for maps: what the generator heard and what the evaluation hears. Throws what the generator throws. */
export async function openSong(song, songsFolder) {
  const bytes = await readFile(join(songsFolder, song.path));
  const heard = await analyseSong(bytes, {});
  return { song, heard, tags: { filename: basename(song.path) }, audio: await listen(bytes) };
}

/** One map of an opened song → its record, or { failed: its code or message, refused } where there is none; `refused` where that is by name. */
export function mapOf(open, params) {
  let made;
  try {
    made = makeMap(open.heard, open.tags, params);
  } catch (error) {
    const refused = error instanceof GenerateError;
    return { params, song: open.song.id, mode: params.gamemode, failed: refused ? error.code : error.message, refused };
  }
  const { text, warnings } = made;
  const stars = starsOf(text);
  const chart = readChart(text);
  return {
    params,
    song: open.song.id,
    songSeconds: open.song.duration_s,
    stars,
    level: levelOf(stars),
    flagged: warnings.some((warning) => warning.includes('cannot be reached')),
    text,
    parsersAgree: parsersAgree(text),
    ...verdictOf(text, chart, { stars, songMs: open.heard.audio.durationMs }),
    ...measured(chart, open.audio, osuLagMs),
  };
}

/** Figures of a chart by itself and, where the song is there, against it. `lagMs`: how much later than written a time is heard. */
export function measured(chart, audio, lagMs) {
  return { mode: chart.mode, keys: chart.keys, ...measure(chart), ...(audio ? againstSong(chart, audio, lagMs) : {}) };
}

/** Issues by the project's verifier, which is told what is `known` (stars, length of the song): ids of the blocking ones, number of the advisory ones a minute of drain. */
export function verdictOf(text, chart, known) {
  const { issues } = verifyMap(text, undefined, known);
  const blocking = issues.filter(({ level }) => level === 'blocking');
  const advisory = issues.filter(({ level }) => level === 'advisory');
  return {
    blocking: blocking.map(({ id }) => id),
    advisoryIds: advisory.map(({ id }) => id),
    advisoryPerMinute: advisory.length / (chart.drainMs / 60_000),
  };
}

/** Two independent parsers find the objects that the text lists, at its times, and nothing that the game would call suspicious. */
export function parsersAgree(text) {
  const lines =
    text
      .split(/\[HitObjects\]\r?\n/)[1]
      ?.split('\n')
      .filter((line) => line.trim() !== '') ?? [];
  const times = lines.map((line) => Number(line.split(',')[2])).sort((a, b) => a - b);
  const parsed = new BeatmapDecoder().decodeFromString(text, { parseStoryboard: false });
  const map = new rosu.Beatmap(text);
  try {
    const same = parsed.hitObjects.every(({ startTime }, i) => startTime === times[i]);
    return same && parsed.hitObjects.length === times.length && map.nObjects === times.length && !map.isSuspicious();
  } finally {
    map.free();
  }
}

/** Every map of the matrix for one opened song, in a fixed order. `number`: the song's place in the list. */
export function mapsOf(open, number, { modes, stars, seeds }) {
  return modes.flatMap((mode) =>
    stars.flatMap((target) => seeds.map((seed) => mapOf(open, paramsOf({ number, mode, stars: target, seed })))),
  );
}
