// What a job costs: as a process of its own (the seed API's way), in a warm runner, and through the whole service, in one run.
//
//   npm run bench -- --home CHECKOUT [--python python3] [--song assets/demo-song.ogg] [--jobs 10] [--model v32]
//
// HF_HOME and CUDA_VISIBLE_DEVICES are read from the environment, as the worker does. The three ways take turns, so that a noisy machine is as noisy for each. Figures are medians of seconds.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { forkModule, runProgram } from '../../dist/shared/process.js';
import { coldCommand, programDocument, runnerCommand } from '../../dist/worker/engines/mapperatorinator/command.js';
import { startRunner } from '../../dist/worker/engines/mapperatorinator/runner.js';

const { values: given } = parseArgs({
  options: {
    home: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    song: { type: 'string', default: fileURLToPath(new URL('../../assets/demo-song.ogg', import.meta.url)) },
    jobs: { type: 'string', default: '10' },
    model: { type: 'string', default: 'v32' },
  },
});
if (!given.home) {
  console.error('--home CHECKOUT is needed: a checkout of Mapperatorinator.');
  process.exit(2);
}
const host = {
  home: resolve(given.home),
  python: given.python.includes('/') ? resolve(given.python) : given.python,
  searchPath: process.env.PATH ?? '',
  loraDir: null,
  scratch: tmpdir(),
  huggingFaceHome: process.env.HF_HOME ? resolve(process.env.HF_HOME) : null,
};
const jobs = Math.max(2, Number(given.jobs) || 10);
const song = resolve(given.song);
const gpu = process.env.CUDA_VISIBLE_DEVICES || null;
const never = new AbortController().signal;
const root = mkdtempSync(join(tmpdir(), 'bench-'));
const seconds = (since) => (performance.now() - since) / 1000;

function documentFor(n, folder) {
  const params = { gamemode: 0, difficulty: 5, seed: 100 + n, export_osz: true };
  const request = { model: given.model, audio: { filename: basename(song) }, params };
  return programDocument(host, request, { audio: song, reference: null, out: folder });
}

async function cold(n) {
  const folder = mkdtempSync(join(root, 'cold-'));
  const path = join(folder, 'request.json');
  writeFileSync(path, JSON.stringify(documentFor(n, folder)));
  const began = performance.now();
  const lines = [];
  const exit = await runProgram(coldCommand(host, gpu, path), (line) => lines.push(line), never);
  if (exit.code !== 0) throw new Error(lines.slice(-3).join('\n'));
  return { wall: seconds(began) };
}

async function warm(runner, n) {
  const folder = mkdtempSync(join(root, 'warm-'));
  const began = performance.now();
  const end = await runner.run({ run: folder, folder, ...documentFor(n, folder) }, () => undefined, never);
  if (end.event !== 'done') throw new Error(JSON.stringify(end));
  return { wall: seconds(began), generating: end.seconds.generating };
}

async function startService() {
  const port = 18_000 + (process.pid % 1000);
  const api = forkModule(fileURLToPath(new URL('../../dist/api/main.js', import.meta.url)), [], {
    PATH: process.env.PATH,
    PORT: String(port),
    REDIS_HOST: process.env.REDIS_HOST ?? 'none',
    DATA_DIR: join(root, 'data'),
    ENGINE: 'mapperatorinator',
    MAPPERATORINATOR_HOME: host.home,
    PYTHON: host.python,
    LOG_LEVEL: 'silent',
    ...(host.huggingFaceHome ? { HF_HOME: host.huggingFaceHome } : {}),
    ...(gpu ? { CUDA_VISIBLE_DEVICES: gpu } : {}),
  });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const body = await fetch(`${url}/readyz`).then(
      (answer) => answer.json(),
      () => null,
    );
    const device = body?.devices?.[0];
    if (device?.state === 'ready') return { api, url };
    if (device?.state === 'failed') throw new Error(`${device.code}: ${device.detail}`);
    await sleep(200);
  }
}

/** From the submit to the outcome, by the clock that both read, and to the end of the job's event stream. */
async function throughService({ url }, n) {
  const form = new FormData();
  form.set('audio_file', new Blob([readFileSync(song)]), basename(song));
  for (const [name, value] of Object.entries({ model: given.model, seed: 100 + n, difficulty: 5 }))
    form.set(name, String(value));
  const began = performance.now();
  const beganAt = Date.now();
  const accepted = await fetch(`${url}/process`, { method: 'POST', body: form }).then((answer) => answer.json());
  if (!accepted.job_id) throw new Error(JSON.stringify(accepted));
  const submitted = seconds(began);
  const stream = await fetch(`${url}/jobs/${accepted.job_id}/stream`);
  for await (const _ of stream.body);
  const told = seconds(began);
  const job = await fetch(`${url}/jobs/${accepted.job_id}`).then((answer) => answer.json());
  if (job.state !== 'succeeded') throw new Error(JSON.stringify(job.error ?? job));
  return { wall: (Date.parse(job.finished_at) - beganAt) / 1000, submitted, told };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const of = (list, pick) => median(list.map(pick)).toFixed(2).padStart(8);

const began = performance.now();
const runner = startRunner(runnerCommand(host, gpu, given.model), () => undefined);
const ready = await runner.ready;
if (ready.event !== 'ready') throw new Error(JSON.stringify(ready));
const start = seconds(began);
const service = await startService();
const figures = { cold: [], warm: [], service: [] };
try {
  for (let n = 0; n < jobs; n += 1) {
    figures.cold.push(await cold(n));
    figures.warm.push(await warm(runner, n));
    figures.service.push(await throughService(service, n));
  }
} finally {
  runner.kill();
  service.api.kill('SIGTERM');
}
const { cold: cs, warm: ws, service: ss } = figures;
const [coldWall, warmWall, serviceWall] = [cs, ws, ss].map((list) => median(list.map(({ wall }) => wall)));
const beside = median(ws.slice(1).map(({ wall, generating }) => wall - generating));
const overhead = median(ss.map(({ wall }, n) => wall - ws[n].wall));
const allowed = Math.max(0.1, 0.01 * warmWall);
console.log(
  `${jobs} jobs each, ${given.model} on ${ready.device_name ?? ready.device}, ${basename(song)}; medians in seconds\n`,
);
console.log(`a process a job (the seed's way)   ${of(cs, ({ wall }) => wall)}`);
console.log(
  `in a warm runner                   ${of(ws, ({ wall }) => wall)}   ${(coldWall / warmWall).toFixed(1)} times faster`,
);
console.log(`  of that inside generate()        ${of(ws, ({ generating }) => generating)}`);
console.log(`  beside it, from the second job   ${beside.toFixed(2).padStart(8)}   goal: at most 0.30`);
console.log(
  `through the service                ${of(ss, ({ wall }) => wall)}   ${(coldWall / serviceWall).toFixed(1)} times faster`,
);
console.log(
  `  over the warm runner             ${overhead.toFixed(2).padStart(8)}   goal: at most ${allowed.toFixed(2)}`,
);
console.log(`  of that until the submit is answered ${of(ss, ({ submitted }) => submitted).slice(4)}`);
console.log(`  until a viewer is told           ${of(ss, ({ told }) => told)}`);
console.log(`start of a runner                  ${start.toFixed(2).padStart(8)}`);
await sleep(500);
rmSync(root, { recursive: true, force: true });
process.exit();
