import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oggBytes, synthesise } from './song.ts';

const program = fileURLToPath(new URL('../scripts/eval/main.mjs', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evaluation-'));
  await mkdir(join(folder, 'piece'));
  await writeFile(
    join(folder, 'piece', 'song.ogg'),
    await oggBytes(synthesise({ bpm: 150, offsetMs: 300, seconds: 34 })),
  );
  await writeFile(join(folder, 'piece', 'chart.osu'), chart);
  const song = {
    id: 'test/piece',
    path: 'piece/song.ogg',
    title: 'Piece',
    duration_s: 34,
    truth: [{ offset_ms: 300, bpm: 150, meter: 4 }],
    tempo_class: 'constant',
    onset_lag_ms: 0,
    verified: true,
    range_ms: [300, 33_000],
    maps: [{ name: 'chart.osu', mode: 0, version: 'Normal', objects: 80 }],
  };
  await writeFile(join(folder, 'truth.json'), JSON.stringify([song]));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A chart of every other half-beat. */
const chart = [
  'osu file format v14\n\n[General]\nMode: 0\n\n[Metadata]\nTitle:a\nArtist:b\nCreator:c\nVersion:Normal\n\n[Difficulty]',
  'HPDrainRate:4\nCircleSize:4\nOverallDifficulty:5\nApproachRate:6\nSliderMultiplier:1.4\nSliderTickRate:1\n',
  '[TimingPoints]\n300,400,4,2,0,60,1,0\n\n[HitObjects]',
  ...Array.from({ length: 80 }, (_, n) => `${100 + (n % 5) * 60},${100 + (n % 3) * 60},${300 + n * 400},1,0,0:0:0:0:`),
].join('\n');

/** Standard output of one evaluation. */
async function evaluate(...options: string[]): Promise<string> {
  const args = [program, join(folder, 'truth.json'), folder, ...options];
  return (await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 })).stdout;
}

test('the evaluation prints a row for every mapping criterion, and the same bytes for the same songs', async () => {
  const options = ['--only', 'mapping', '--modes', '1', '--stars', '3.5', '--seeds', '1,2'];
  const [first, second] = await Promise.all([evaluate(...options), evaluate(...options)]);
  const ids = new Set([...first.matchAll(/^(A\d+) /gm)].map(([, id]) => id));
  for (const id of ['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A8', 'A9', 'A10', 'A11', 'A14', 'A17', 'A18', 'A19', 'A21']) {
    expect(ids).toContain(id);
  }
  expect(first).toContain('2 of 2 maps made');
  expect(second).toBe(first);
}, 60_000);

test('the rhythm of a human chart is compared with a map of the same timing and with trivial ones', async () => {
  const output = await evaluate('--only', 'rhythm');
  expect(output).toContain('1 charts of 1 songs');
  expect(output).toMatch(/^A7 .*heads over the best baseline/m);
}, 60_000);
