// npm run compare-previews -- --maps FOLDER [--maps FOLDER …] [--each]
// Every .osu below the folders as our preview shows it and as others compute it (docs/preview.md), at sampled times. Exit 1 where a place is
// more than 1 px or a time more than 1 ms off, or a kind, count, column or hyperdash differs.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { makePreview } from '../../dist/worker/preview/preview.js';
import { againstCurves } from './curves.mjs';
import { againstGame, gameCase } from './game.mjs';
import { againstRuleset } from './rulesets.mjs';
import { againstRosu } from './rosu.mjs';

const { values } = parseArgs({ options: { maps: { type: 'string', multiple: true }, each: { type: 'boolean' } } });
if (!values.maps) throw new Error('Usage: npm run compare-previews -- --maps FOLDER');

const modes = ['osu!', 'taiko', 'catch', 'mania'];
/** px and ms that may be off: of what the game's authors wrote down as much as their own tests allow, for the old game counted in whole ms. */
const limits = { ruleset: [1, 1], curves: [2, 1], rosu: [0, 0], game: [1, 2], 'game, catch': [3, 2] };
const names = {
  game: "the game's own answers",
  rosu: 'the combo of rosu-pp',
  ruleset: 'the ruleset packages',
  curves: 'the exact curves',
};
const tables = new Map();
const refused = new Map();
let why = '';
const texts = new Map();
/** Maps in which the preview shows what the game's authors wrote down; where a package differs there, the package is wrong. */
const confirmed = new Set();
/** What no map for players has and we do not do: a green line that is no number, which takes ticks away. */
const isBeyond = (text) => /^-?[\d.]+,NaN,/m.test(text);
/** What each map cost, `{ mode, ms, bytes, seconds }`, ms of CPU. */
const costs = [];

for (const folder of values.maps)
  for (const name of (await readdir(folder, { recursive: true })).filter((entry) => entry.endsWith('.osu')).sort())
    await readMap(join(folder, name));
for (const [text, { path, json }] of texts) if (json !== null) compareWithGame(text, path, json);
for (const [text, { path }] of texts) compareWithRuleset(text, path);
for (const [witness, rows] of tables) print(witness, rows);
printCosts();
for (const [why, count] of refused) console.log(`no preview of ${count}: ${why}`);

async function readMap(path) {
  const text = await readFile(path, 'utf8');
  const json = await readFile(path.replace(/\.osu$/, '-expected-conversion.json'), 'utf8').catch(() => null);
  const known = texts.get(text);
  texts.set(text, { path, json: json ?? known?.json ?? null });
}

function compareWithGame(text, path, json) {
  const told = gameCase(path, text, json);
  const preview = told && previewOf(told.text);
  if (preview && note('game', path, preview, againstGame(told, preview)) && told.text === text) confirmed.add(text);
}

function compareWithRuleset(text, path) {
  const start = process.cpuUsage();
  const preview = previewOf(text);
  if (!preview) return void refused.set(why, (refused.get(why) ?? 0) + 1);
  const { user, system } = process.cpuUsage(start);
  const ms = (user + system) / 1000;
  const bytes = gzipSync(JSON.stringify(preview)).length;
  costs.push({ mode: preview.mode, ms, bytes, seconds: preview.end / 1000 });
  if (isBeyond(text)) return;
  const combo = againstRosu(preview);
  if (combo) note('rosu', path, preview, combo);
  const curves = preview.mode === 0 ? againstCurves(text, preview) : null;
  if (curves) note('curves', path, preview, curves);
  const differences = againstRuleset(text, preview);
  if (differences) note('ruleset', path, preview, differences, confirmed.has(text));
}

function previewOf(text) {
  try {
    return makePreview(text, 0);
  } catch (error) {
    if (!('code' in error)) throw error;
    why = error.code;
    return null;
  }
}

/** A map too large to be exact: all places are whole. */
function isCoarse({ objects }) {
  return objects.some(({ path }) => path) && objects.every(({ path }) => !path || path.every(Number.isInteger));
}

/** Adds a map to the row of its mode. True where nothing is off. */
function note(witness, path, preview, { objects, samples, px, ms, unequal }, isConfirmed = false) {
  const key = `${modes[preview.mode]}${isCoarse(preview) ? ', coarse' : ''}`;
  const rows = tables.get(witness) ?? tables.set(witness, new Map()).get(witness);
  const row = rows.get(key) ?? { maps: 0, objects: 0, samples: 0, px: [], ms: [], off: 0, confirmed: 0 };
  rows.set(key, row);
  const [mostPx, mostMs] = limits[`${witness}, ${modes[preview.mode]}`] ?? limits[witness];
  const isOff = most(px) > mostPx + (isCoarse(preview) ? 5 : 0) || most(ms) > mostMs || unequal.length > 0;
  row.maps++;
  if (isOff && values.each)
    console.log(
      `${witness}: ${path}: ${most(px).toFixed(2)} px, ${most(ms).toFixed(2)} ms; ${unequal.length} ${unequal.slice(0, 3).join('; ')}`,
    );
  if (isOff && isConfirmed) return void row.confirmed++;
  row.objects += objects;
  row.samples += samples;
  for (const one of px) row.px.push(one);
  for (const one of ms) row.ms.push(one);
  row.off += isOff ? 1 : 0;
  if (isOff) process.exitCode = 1;
  return !isOff;
}

function most(numbers) {
  return numbers.reduce((worst, one) => Math.max(worst, one), 0);
}
function p95(numbers) {
  return Float64Array.from(numbers).sort()[Math.floor(0.95 * numbers.length)] ?? 0;
}

function print(witness, rows) {
  console.log(`beside ${names[witness]}`);
  for (const [key, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(
      `  ${key.padEnd(14)} ${row.maps} maps, ${row.objects} objects, ${row.samples} samples; px max ${most(row.px).toFixed(3)} p95 ${p95(row.px).toFixed(3)}; ms max ${most(row.ms).toFixed(3)} p95 ${p95(row.ms).toFixed(3)}; off: ${row.off}${row.confirmed > 0 ? `; ${row.confirmed} more where the game agrees with us` : ''}`,
    );
}

function printCosts() {
  const row = (name, of) => {
    const at = (key, q) =>
      of.map((cost) => cost[key]).sort((a, b) => a - b)[Math.min(of.length - 1, Math.floor(q * of.length))] ?? 0;
    const three = (key, unit) => [0.5, 0.95, 1].map((q) => (at(key, q) / unit).toFixed(unit === 1 ? 0 : 1)).join(' / ');
    console.log(`  ${name.padEnd(14)} ${of.length} maps; ms of CPU ${three('ms', 1)}; kB gz ${three('bytes', 1000)}`);
  };
  console.log('made, median / p95 / most');
  modes.forEach((name, mode) =>
    row(
      name,
      costs.filter((cost) => cost.mode === mode),
    ),
  );
  row(
    '3 to 5 minutes',
    costs.filter(({ seconds }) => seconds >= 180 && seconds <= 300),
  );
}
