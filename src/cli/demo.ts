import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { forkModule } from '../shared/process.ts';
import { freePort } from './free-port.ts';
import { createServiceClient, ServiceError } from './service-client.ts';
import { showProgress } from './show-progress.ts';
import { UsageError } from './procfile.ts';

const usage = 'npm run demo -- [song.mp3] [--difficulty 4.5] [--out folder]';
const apiModule = fileURLToPath(new URL('../api/main.js', import.meta.url));
const demoSong = fileURLToPath(new URL('../../assets/demo-song.ogg', import.meta.url));
const startMs = 30_000;
/** Longer than the API gives itself to stop. */
const stopMs = 25_000;

interface Wish {
  song: string;
  difficulty: string;
  out: string;
}

function readWish(args: string[]): Wish {
  try {
    const options = { difficulty: { type: 'string' }, out: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    if (positionals.length > 1) throw new UsageError('One song at a time.');
    return { song: positionals[0] ?? demoSong, difficulty: values.difficulty ?? '4.5', out: values.out ?? '.' };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\nUsage: ${usage}`);
  }
}

/** An API of the demo's own on a free port, without Redis, with its data in a folder that goes when it stops. */
async function startApi() {
  const dataDir = await mkdtemp(join(tmpdir(), 'mapperatorinator-demo-'));
  const port = await freePort();
  const api = forkModule(apiModule, [], {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: `${port}`,
    REDIS_HOST: 'none',
    QUEUE_REDIS_URL: '',
    API_KEYS: '',
    ADMIN_KEY: '',
    DATA_DIR: dataDir,
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error',
  });
  const gone = new AbortController();
  api.onExit(() => gone.abort(new ServiceError('The API has ended.')));

  async function stop() {
    if (!gone.signal.aborted) {
      api.kill('SIGTERM');
      const force = setTimeout(() => api.kill('SIGKILL'), stopMs);
      await once(gone.signal, 'abort');
      clearTimeout(force);
    }
    await rm(dataDir, { recursive: true, force: true });
  }
  return { url: `http://127.0.0.1:${port}`, gone: gone.signal, stop };
}

/** `npm run demo`: a song through the real service, from upload to download. */
async function main(wish: Wish, interrupted: AbortSignal) {
  await mustBeFile(wish.song);
  say('Starting the service …');
  const api = await startApi();
  const signal = AbortSignal.any([interrupted, api.gone]);
  try {
    const service = createServiceClient(api.url, signal);
    await service.healthy(startMs);
    const accepted = await service.submit(wish.song, await readFile(wish.song), { difficulty: wish.difficulty });
    say(`Sent ${wish.song}. Job ${accepted.job_id}, engine ${accepted.engine}.`);

    const bar = showProgress(process.stdout);
    try {
      for (;;) {
        const { progress, stage, status } = await service.progress(accepted.job_id);
        bar.update(progress, stage);
        if (status === 'completed' || status === 'failed') break;
        await sleep(200, undefined, { signal });
      }
    } finally {
      bar.stop();
    }

    const job = await service.job(accepted.job_id);
    for (const warning of job.warnings) say(`Note: ${warning}`);
    if (job.state !== 'succeeded') throw new ServiceError(job.error?.detail ?? `The job ended as ${job.state}.`);
    if (job.report?.bpm !== undefined) say(`Tempo: ${round(job.report.bpm)} BPM`);
    if (job.report?.stars) say(`Stars: ${round(job.report.stars.got)} (asked for ${round(job.report.stars.asked)})`);
    if (job.report?.objects !== undefined) say(`Objects: ${job.report.objects}`);
    say(`Saved ${await service.download(accepted.job_id, wish.out)}`);
    say('Open it with osu! to play.');
  } catch (error) {
    // A wait that is cut short throws an error of its own; why it was cut is in the signal.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await api.stop();
  }
}

async function mustBeFile(path: string) {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw new UsageError(`There is no file ${path}.\nUsage: ${usage}`);
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const round = (value: number) => Number(value.toFixed(2));

const interrupted = new AbortController();
const interrupt = () => interrupted.abort(new ServiceError('Interrupted.'));
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
try {
  await main(readWish(process.argv.slice(2)), interrupted.signal);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
