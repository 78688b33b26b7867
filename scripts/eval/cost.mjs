// CPU seconds by stage and the memory of one run (A20), each in a process of its own: `node cost.mjs SONG MODE STARS` prints it as JSON.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from '../../dist/worker/engines/builtin/generate.js';
import { median } from './numbers.mjs';
import { outputOf } from './repeat.mjs';
import { figure, line } from './report.mjs';

/** Songs that are run for the cost, each in every mode at a low and a usual number of stars by turns. */
const costSongs = 4;
const costStars = [1.8, 5];

/** Stages of the generator's reports that belong to the decoding. */
const decoding = new Set(['start', 'loading']);

/** Makes one map of a song → { decoding, rest: CPU seconds, megabytes: highest resident set }. */
async function measureRun(path, gamemode, difficulty) {
  const bytes = await readFile(path);
  const spent = { decoding: 0, rest: 0 };
  let [stage, since] = ['start', process.cpuUsage()];
  const turn = (next) => {
    const { user, system } = process.cpuUsage(since);
    spent[decoding.has(stage) ? 'decoding' : 'rest'] += (user + system) / 1e6;
    [stage, since] = [next, process.cpuUsage()];
  };
  await generate(bytes, { filename: basename(path) }, { gamemode, difficulty, seed: 1 }, (report) => {
    if ('stage' in report && report.stage !== stage) turn(report.stage);
  });
  turn('end');
  return { ...spent, megabytes: process.resourceUsage().maxRSS / 1024 };
}

/** Rows of A20: medians and the worst over songs and modes, and the highest memory. */
export async function costRows(songs, folder, modes) {
  const chosen = [
    ...new Set(Array.from({ length: costSongs }, (_, i) => songs[Math.floor((i * songs.length) / costSongs)])),
  ];
  const runs = [];
  for (const [i, song] of chosen.entries()) {
    for (const mode of modes) {
      const args = [costProgram, join(folder, song.path), mode, costStars[(i + mode) % costStars.length]];
      const output = await outputOf(args.map(String)).catch(() => undefined);
      if (output === undefined) continue; // what cannot be mapped has no cost; the mapping table says which songs
      const { decoding: decoded, rest, megabytes } = JSON.parse(output);
      const aMinute = 60 / song.duration_s;
      runs.push({ mode, rest: rest * aMinute, whole: (rest + decoded) * aMinute, megabytes });
    }
  }
  const row = (what, goal, take, of) => {
    const byMode = [0, 1, 2, 3].map((mode) => figure(take(runs.filter((run) => run.mode === mode).map(of))));
    return line({ id: 'A20', what, goal, less: true, overall: take(runs.map(of)), byMode });
  };
  const worst = (list) => (list.length > 0 ? Math.max(...list) : NaN);
  return [
    row('seconds a minute of song, without decoding', 1, median, ({ rest }) => rest),
    row('the same, worst run', 1, worst, ({ rest }) => rest),
    row('seconds a minute of song, with decoding', 2, median, ({ whole }) => whole),
    row('the same, worst run', 2, worst, ({ whole }) => whole),
    row('highest memory, MB', 400, worst, ({ megabytes }) => megabytes),
  ];
}

const costProgram = fileURLToPath(import.meta.url);
if (process.argv[1] === costProgram) {
  const [path, mode, stars] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await measureRun(path, Number(mode), Number(stars))));
}
