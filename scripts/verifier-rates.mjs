// node scripts/verifier-rates.mjs FOLDER
// How often each check of the verifier fires on the .osu files below a folder: maps and issues by mode. Run it on maps that
// people made before a threshold is changed (docs/verifier.md).
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnreadableMapError, verifyMap } from '../dist/worker/verify/verify.js';

const modes = ['osu!', 'taiko', 'catch', 'mania'];
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Usage: node scripts/verifier-rates.mjs FOLDER');

const counts = [0, 0, 0, 0];
const rates = new Map();
const perMinute = [[], [], [], []];
for (const name of (await readdir(folder, { recursive: true })).filter((entry) => entry.endsWith('.osu')).sort()) {
  const text = await readFile(join(folder, name), 'utf8');
  try {
    const verdict = verifyMap(text);
    count(verdict, minutesOf(text));
  } catch (error) {
    if (!(error instanceof UnreadableMapError)) throw error;
    console.error(`${name}: ${error.message}`);
  }
}

function count({ mode, advisory, issues }, minutes) {
  counts[mode] += 1;
  perMinute[mode].push(advisory / minutes);
  const seen = new Set();
  for (const { id, level } of issues) {
    const key = `${level} ${id}`;
    if (!rates.has(key)) rates.set(key, { maps: [0, 0, 0, 0], issues: [0, 0, 0, 0] });
    const rate = rates.get(key);
    rate.issues[mode] += 1;
    if (!seen.has(key)) rate.maps[mode] += 1;
    seen.add(key);
  }
}

/** From the first object to the start of the last. */
function minutesOf(text) {
  const lines = text.slice(text.indexOf('[HitObjects]')).trim().split(/\r?\n/).slice(1);
  const time = (line) => Number(line?.split(',')[2] ?? 0);
  return Math.max(0.1, (time(lines.at(-1)) - time(lines[0])) / 60_000);
}

const row = (cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(14) : cell.padStart(16))).join(''));
row(['maps (issues)', ...modes]);
row(['maps', ...counts.map(String)]);
for (const key of [...rates.keys()].sort((a, b) => (a[0] === b[0] ? (a < b ? -1 : 1) : a < b ? 1 : -1))) {
  const { maps, issues } = rates.get(key);
  row([key, ...modes.map((_, i) => (maps[i] === 0 ? '·' : `${maps[i]} (${issues[i]})`))]);
}
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * values.length)]?.toFixed(2) ?? '·';
for (const [name, q] of [
  ['median', 0.5],
  ['p90', 0.9],
])
  row([`advisory/min ${name}`.slice(0, 20), ...perMinute.map((values) => quantile(values, q))]);
