// CPU seconds by stage and the memory of one run (A20), each in a process of its own: `node cost.mjs SONG` prints it as JSON.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from '../../dist/worker/engines/builtin/generate.js';
import { median } from './numbers.mjs';
import { outputOf } from './repeat.mjs';
import { line } from './report.mjs';

/** Songs that are run for the cost. */
const costSongs = 5;

/** Stages of the generator's reports that belong to the decoding. */
const decoding = new Set(['start', 'loading']);

/** Makes one map of a song → { decoding, rest: CPU seconds, megabytes: highest resident set }. */
async function measureRun(path) {
  const bytes = await readFile(path);
  const spent = { decoding: 0, rest: 0 };
  let [stage, since] = ['start', process.cpuUsage()];
  const turn = (next) => {
    const { user, system } = process.cpuUsage(since);
    spent[decoding.has(stage) ? 'decoding' : 'rest'] += (user + system) / 1e6;
    [stage, since] = [next, process.cpuUsage()];
  };
  await generate(bytes, { filename: basename(path) }, { difficulty: 5, seed: 1 }, (report) => {
    if ('stage' in report && report.stage !== stage) turn(report.stage);
  });
  turn('end');
  return { ...spent, megabytes: process.resourceUsage().maxRSS / 1024 };
}

/** Rows of A20: medians over songs spread over the list, and the highest memory. */
export async function costRows(songs, folder) {
  const chosen = new Set(
    Array.from({ length: costSongs }, (_, i) => songs[Math.floor((i * songs.length) / costSongs)]),
  );
  const runs = [];
  for (const song of chosen) {
    const run = JSON.parse(await outputOf([costProgram, join(folder, song.path)]));
    runs.push({ ...run, seconds: song.duration_s });
  }
  const row = (what, goal, overall) => line({ id: 'A20', what, goal, less: true, overall });
  const times60 = (of) => median(runs.map((run) => (60 * of(run)) / run.seconds));
  return [
    row(
      'seconds a minute of song without decoding',
      1,
      times60(({ rest }) => rest),
    ),
    row(
      'seconds a minute of song with decoding',
      2,
      times60(({ rest, decoding: decoded }) => rest + decoded),
    ),
    row('highest memory, MB', 400, Math.max(...runs.map(({ megabytes }) => megabytes))),
  ];
}

const costProgram = fileURLToPath(import.meta.url);
if (process.argv[1] === costProgram) process.stdout.write(JSON.stringify(await measureRun(process.argv[2])));
