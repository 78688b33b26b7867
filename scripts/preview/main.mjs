// npm run compare-previews -- --maps FOLDER [--maps FOLDER …] [--each]
// Every .osu below the folders as our preview shows it and as others compute it (docs/preview.md), at sampled times. Exit 1 where a place is
// more than 1 px or a time more than 1 ms off, or a kind, count, column or hyperdash differs.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makePreview } from '../../dist/worker/preview/preview.js';
import { againstGame, gameCase } from './game.mjs';
import { againstRuleset } from './rulesets.mjs';

const { values } = parseArgs({ options: { maps: { type: 'string', multiple: true }, each: { type: 'boolean' } } });
if (!values.maps) throw new Error('Usage: npm run compare-previews -- --maps FOLDER');

const modes = ['osu!', 'taiko', 'catch', 'mania'];
const tables = { ruleset: new Map(), game: new Map() };
const refused = new Map();
const seen = new Set();
for (const folder of values.maps)
  for (const name of (await readdir(folder, { recursive: true })).filter((entry) => entry.endsWith('.osu')).sort())
    await compareMap(join(folder, name));
for (const [witness, rows] of Object.entries(tables)) print(witness, rows);
for (const [why, count] of refused) console.log(`no preview of ${count}: ${why}`);

async function compareMap(path) {
  const text = await readFile(path, 'utf8');
  if (seen.has(text)) return;
  seen.add(text);
  const preview = previewOf(text);
  if (preview) note('ruleset', path, preview.mode, againstRuleset(text, preview));
  const json = await readFile(path.replace(/\.osu$/, '-expected-conversion.json'), 'utf8').catch(() => null);
  const told = json === null ? null : gameCase(path, text, json);
  const shown = told && previewOf(told.text);
  if (shown) note('game', path, shown.mode, againstGame(told.expected, shown));
}

function previewOf(text) {
  try {
    return makePreview(text, 0);
  } catch (error) {
    if (!('code' in error)) throw error;
    refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
    return null;
  }
}

function note(witness, path, mode, { objects, samples, px, ms, unequal }) {
  const row = tables[witness].get(mode) ?? { maps: 0, objects: 0, samples: 0, px: [], ms: [], unequal: 0, off: 0 };
  tables[witness].set(mode, row);
  const worst = { px: most(px), ms: most(ms) };
  const isOff = worst.px > 1 || worst.ms > 1 || unequal.length > 0;
  row.maps++;
  row.objects += objects;
  row.samples += samples;
  for (const one of px) row.px.push(one);
  for (const one of ms) row.ms.push(one);
  row.unequal += unequal.length;
  row.off += isOff ? 1 : 0;
  if (isOff && values.each)
    console.log(
      `${witness}: ${path}: ${worst.px.toFixed(2)} px, ${worst.ms.toFixed(2)} ms; ${unequal.length} ${unequal.slice(0, 3).join('; ')}`,
    );
  if (isOff) process.exitCode = 1;
}

function most(numbers) {
  return numbers.reduce((worst, one) => Math.max(worst, one), 0);
}
function p95(numbers) {
  return Float64Array.from(numbers).sort()[Math.floor(0.95 * numbers.length)] ?? 0;
}

function print(witness, rows) {
  if (rows.size === 0) return;
  console.log(`beside the ${witness}`);
  for (const [mode, row] of [...rows].sort(([a], [b]) => a - b))
    console.log(
      `  ${modes[mode].padEnd(6)} ${row.maps} maps, ${row.objects} objects, ${row.samples} samples; px max ${most(row.px).toFixed(3)} p95 ${p95(row.px).toFixed(3)}; ms max ${most(row.ms).toFixed(3)} p95 ${p95(row.ms).toFixed(3)}; ${row.unequal} unequal; ${row.off} maps off`,
    );
}
