// Maps songs with human-made timing and prints what was found beside what people wrote.
//
//   node scripts/eval-songs.mjs TRUTH.json SONGS [--limit N] [--half even|odd] [--difficulty 5]
//
// TRUTH.json is a list of { id, path (relative to SONGS), truth: [{ offset_ms, bpm, meter }], tempo_class }. The tempo that is compared is
// that of the longest section; the offset's error is taken modulo one beat, in osu!'s convention. Needs `npm run build`.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { limit: { type: 'string' }, half: { type: 'string' }, difficulty: { type: 'string', default: '5' } },
});
const [truthPath, songs] = positionals;
if (!truthPath || !songs) {
  process.stderr.write(
    'usage: node scripts/eval-songs.mjs TRUTH.json SONGS [--limit N] [--half even|odd] [--difficulty STARS]\n',
  );
  process.exit(2);
}
const program = fileURLToPath(new URL('../dist/worker/engines/builtin/main.js', import.meta.url));

/** One run of the generator as a worker makes it: its JSON lines, its exit code, its seconds. */
async function generate(path) {
  const folder = await mkdtemp(join(tmpdir(), 'eval-'));
  const request = join(folder, 'request.json');
  const params = { difficulty: Number(values.difficulty), seed: 1 };
  await writeFile(request, JSON.stringify({ audio: { filename: path }, params }));
  const started = process.hrtime.bigint();
  const args = [program, '--request', request, '--audio', join(songs, path), '--out', join(folder, 'out')];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  await rm(folder, { recursive: true, force: true });
  const said = Object.assign(
    {},
    ...output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  return { code, seconds, ...said };
}

/** The timing point that is in force longest. */
function mainPoint({ truth, duration_s: seconds }) {
  const lengths = truth.map((point, i) => (truth[i + 1]?.offset_ms ?? seconds * 1000) - point.offset_ms);
  return truth[lengths.indexOf(Math.max(...lengths))];
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;
const cell = (value, width) => String(value).slice(0, width).padEnd(width);
const number = (value, digits, width) => (Number.isFinite(value) ? value.toFixed(digits) : '–').padStart(width);

const all = JSON.parse(await readFile(truthPath, 'utf8')).sort((a, b) => (a.id < b.id ? -1 : 1));
const chosen = all
  .filter((_, i) => !values.half || i % 2 === (values.half === 'even' ? 0 : 1))
  .slice(0, Number(values.limit ?? all.length));

console.log(`${cell('song', 44)} ${cell('tempo', 9)}  human    found   ratio  offset ms  stars got   s/min`);
const rows = [];
for (const song of chosen) {
  const human = mainPoint(song);
  const run = await generate(song.path);
  const beat = 60_000 / human.bpm;
  const found = run.timing?.bpm ?? NaN;
  const right = Math.abs(found / human.bpm - 1) < 0.005;
  const apart = run.timing ? run.timing.offset_ms - human.offset_ms : NaN;
  const offset = right ? apart - Math.round(apart / beat) * beat : NaN;
  const cost = run.seconds / (song.duration_s / 60);
  rows.push({
    right,
    close: Math.abs(found - human.bpm) < 0.05,
    offset,
    cost,
    stars: run.stars?.got ?? NaN,
    ok: run.code === 0,
  });
  const name = cell(`${song.id.split('/').at(-1)} ${song.title}`, 44);
  const tempo = `${number(human.bpm, 2, 7)} ${number(found, 2, 8)} ${number(found / human.bpm, 3, 7)}`;
  console.log(
    `${name} ${cell(song.tempo_class, 9)} ${tempo} ${number(offset, 1, 10)} ${number(run.stars?.got, 2, 10)} ${number(cost, 2, 7)}  ${run.error?.code ?? ''}`,
  );
}
const share = (test) => `${rows.filter(test).length} of ${rows.length}`;
const offsets = rows.map(({ offset }) => Math.abs(offset)).filter(Number.isFinite);
console.log(
  `\nmaps made: ${share(({ ok }) => ok)}; BPM within 0.5 %: ${share(({ right }) => right)}, within 0.05: ${share(({ close }) => close)}`,
);
console.log(
  `median |offset error| ${median(offsets).toFixed(1)} ms; stars within 0.1: ${share(({ stars }) => Math.abs(stars - values.difficulty) <= 0.1)}`,
);
console.log(
  `median cost ${median(rows.map(({ cost }) => cost)).toFixed(2)} s a minute of song, decoding and packing included`,
);
