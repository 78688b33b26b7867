// Maps that people made, for the live column: every .osu below a folder's standard, taiko, catch and mania, measured as generated ones are.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readChart } from './chart.mjs';
import { measured, parsersAgree, verdictOf } from './matrix.mjs';
import { levelOf } from './references.mjs';
import { modeNames } from './report.mjs';
import { starsOf } from '../../dist/worker/stars.js';

/**
 * Issues that say nothing of the mapping: published test maps mostly had their headers, colours and pictures taken out (preview, colours,
 * background, song, files, metadata).
 */
const ofTheHeader = new Set(['B09', 'B12', 'B13', 'B14', 'B15', 'B16']);

/** Records like those of generated maps, in order of the files' names; { stars, level, set, ... }. Longer ones than ten minutes are left out. */
export async function readHumans(folder) {
  const records = [];
  for (const mode of modeNames) {
    const files = (await readdir(join(folder, mode)).catch(() => [])).filter((name) => name.endsWith('.osu')).sort();
    for (const name of files) {
      const text = await readFile(join(folder, mode, name), 'utf8');
      const chart = readChart(text);
      if (chart.drainMs > longestMs) continue;
      const stars = starsOf(text);
      const set = name.split(' [')[0];
      records.push({
        name,
        set,
        stars,
        level: levelOf(stars),
        parsersAgree: parsersAgree(text),
        ...withoutHeader(verdictOf(text, chart, { stars })),
        ...measured(chart),
      });
    }
  }
  return records;
}

const withoutHeader = (verdict) => ({ ...verdict, blocking: verdict.blocking.filter((id) => !ofTheHeader.has(id)) });

/** A quarter of an hour of marathon says little about maps of songs, and takes most of the time. */
const longestMs = 600_000;
