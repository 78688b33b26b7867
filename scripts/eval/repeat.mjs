// The same request in two processes, and other seeds: A19.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readChart } from './chart.mjs';

const program = fileURLToPath(new URL('../../dist/worker/engines/builtin/main.js', import.meta.url));

/** Standard output of a Node program; rejects when it ends with an error. */
export async function outputOf(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(output || `exit code ${code}`);
  return output;
}

/** SHA-256 over names and bytes of what one run of the program writes for a request, as a worker starts it. */
export async function hashOfRun(audio, params) {
  const folder = await mkdtemp(join(tmpdir(), 'eval-'));
  try {
    const request = join(folder, 'request.json');
    await writeFile(request, JSON.stringify({ audio: { filename: basename(audio) }, params }));
    const out = join(folder, 'out');
    await outputOf([program, '--request', request, '--audio', audio, '--out', out]);
    const hash = createHash('sha256');
    for (const name of (await readdir(out)).sort()) hash.update(name).update(await readFile(join(out, name)));
    return hash.digest('hex');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A map's events and where they are, for the comparison of seeds. */
export function placesOf(text) {
  const { objects, mode } = readChart(text);
  return new Map(
    objects.map((object) => [
      `${object.time}${mode === 3 ? `/${object.column}` : ''}`,
      `${object.x},${object.y},${object.bits}`,
    ]),
  );
}

/** How far two maps are apart: share of events that only one has, share of the common ones that lie elsewhere (or sound otherwise). */
export function difference(one, other) {
  const common = [...one.keys()].filter((time) => other.has(time));
  const all = one.size + other.size - common.length;
  const moved = common.filter((time) => one.get(time) !== other.get(time)).length;
  return { events: 1 - common.length / all, places: common.length > 0 ? moved / common.length : 1 };
}
