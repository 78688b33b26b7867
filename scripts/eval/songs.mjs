// The truth file, the songs that are chosen from it, and the charts that people made for them.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readChart } from './chart.mjs';
import { rhythmOf } from './hits.mjs';
import { starsOf } from '../../dist/worker/stars.js';

/**
 * Songs of a truth file, sorted by id, of which `half` ('even' | 'odd' index) and `limit` (spread evenly) choose. Each has `path`, its
 * audio relative to the folder of songs.
 */
export async function chooseSongs(truthPath, { half, limit }) {
  const all = JSON.parse(await readFile(truthPath, 'utf8')).sort((a, b) => (a.id < b.id ? -1 : 1));
  const songs = all.filter((_, i) => half === undefined || i % 2 === (half === 'even' ? 0 : 1));
  if (limit === undefined || limit >= songs.length) return songs;
  return Array.from({ length: limit }, (_, i) => songs[Math.floor((i * songs.length) / limit)]);
}

/** What has fewer heads is a stub, not a chart. */
const fewestHeads = 20;

/** The songs whose audio is in the folder, and the ids of the others. */
export async function songsThere(songs, songsFolder) {
  const found = await Promise.all(songs.map(({ path }) => stat(join(songsFolder, path)).catch(() => undefined)));
  const there = (_, i) => found[i]?.isFile() === true;
  return { songs: songs.filter(there), missing: songs.filter((song, i) => !there(song, i)).map(({ id }) => id) };
}

/**
 * Human charts of a song as rhythm: [{ name, mode, stars, heads, ends }], ms in the time of the song's truth. From the truth's `maps` beside
 * the audio (without those whose objects are noted as not original) and from `humans`/charts/<first 12 of sha1(id)>.json, where such a
 * folder is given; a chart of the latter kind has no stars.
 */
export async function chartsOf(song, songsFolder, humans) {
  const folder = join(songsFolder, dirname(song.path));
  const maps = [];
  for (const { name, note, version } of song.maps ?? []) {
    const text = note === undefined ? await readFile(join(folder, name), 'utf8').catch(() => undefined) : undefined;
    if (text === undefined) continue;
    const chart = readChart(text);
    const rhythm = rhythmOf(chart);
    if (rhythm.heads.length < fewestHeads) continue;
    maps.push({ name: version ?? name, mode: chart.mode, stars: starsOf(text), chart, ...rhythm });
  }
  if (humans === undefined) return maps;
  const file = createHash('sha1').update(song.id).digest('hex').slice(0, 12);
  const steps = await readFile(join(humans, 'charts', `${file}.json`), 'utf8').catch(() => undefined);
  return steps === undefined
    ? maps
    : [...maps, ...JSON.parse(steps).charts.map((chart) => ({ ...chart, mode: undefined }))];
}
