// Measures the generator against people: `npm run eval`; docs/evaluation.md says what each row means.
import { parseArgs } from 'node:util';
import { costRows } from './cost.mjs';
import { readHumans } from './humans.mjs';
import { mappingReport } from './mapping.mjs';
import { heading } from './report.mjs';
import { rhythmReport } from './rhythm.mjs';
import { chooseSongs, songsThere } from './songs.mjs';
import { timingReport } from './timing.mjs';

const usage = `usage: npm run eval -- TRUTH.json SONGS [--half even|odd] [--limit N] [--modes 0,1,2,3] [--stars 1.8,2.5,3.5,5,6.5]
                      [--seeds 1,2] [--humans FOLDER] [--only timing|mapping|rhythm|cost]
`;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    half: { type: 'string' },
    limit: { type: 'string' },
    modes: { type: 'string', default: '0,1,2,3' },
    stars: { type: 'string', default: '1.8,2.5,3.5,5,6.5' },
    seeds: { type: 'string', default: '1,2' },
    humans: { type: 'string' },
    only: { type: 'string' },
  },
});
const [truth, folder] = positionals;
const parts = ['timing', 'mapping', 'rhythm', 'cost'];
const unknown = values.only !== undefined && !parts.includes(values.only);
if (truth === undefined || folder === undefined || unknown) {
  process.stderr.write(usage);
  process.exit(2);
}

const numbers = (text) => text.split(',').map(Number);
const chosen = await chooseSongs(truth, { half: values.half, limit: values.limit && Number(values.limit) });
const { songs, missing } = await songsThere(chosen, folder);
const wanted = (part) => values.only === undefined || values.only === part;
const say = (text) => process.stdout.write(`${text}\n`);
/** What is being done goes where it does not mix with the tables. */
const tell = (text) => process.stderr.write(`${text}\n`);

const matrix = { modes: numbers(values.modes), stars: numbers(values.stars), seeds: numbers(values.seeds) };
say(`${songs.length} songs`);
for (const id of missing) say(`not there: ${id}`);
if (wanted('mapping')) {
  const humans = values.humans === undefined ? undefined : await readHumans(values.humans);
  await mappingReport({ songs, folder, matrix, humans, say, tell });
}
if (wanted('rhythm')) for (const text of await rhythmReport(songs, folder, values.humans)) say(text);
if (wanted('timing')) await timingReport({ songs, folder, say, tell });
if (wanted('cost')) {
  say(heading('Cost (CPU seconds, not the same in two runs)'));
  for (const row of await costRows(songs, folder, matrix.modes)) say(row);
}
