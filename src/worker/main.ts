import { createCache } from '../shared/cache.ts';
import { loadConfig, type Config } from '../shared/config.ts';
import type { ToApi, ToWorker } from '../shared/ipc.ts';
import { createJobs } from '../shared/jobs.ts';
import { createLog, type Log } from '../shared/log.ts';
import { announceEveryMs } from '../shared/queue.ts';
import { connectLink } from '../shared/redis.ts';
import { consumeQueues } from './consume.ts';
import { createEngines } from './engines/index.ts';
import { createForkedRunner, createParentCache } from './forked.ts';
import { endOrphans, nameWorker } from './orphans.ts';
import { watchPause } from './pause.ts';
import { createRunner } from './run.ts';

const shutdownMs = 15_000;
const endOrphansMs = 5_000;

/**
 * A worker process. As started by an operator it takes jobs from the queues; with `--forked` it is the child of an API
 * process that has no Redis, and takes them over its IPC channel.
 */
async function main(config: Config, log: Log) {
  const jobs = createJobs(config.dataDir);
  await jobs.prepare();
  const isForked = process.argv.includes('--forked');
  const { queueRedis, cacheRedis } = config;
  if (!isForked && !queueRedis) {
    log.info('No Redis is configured: the API does the work, this worker only waits.');
    const idle = setInterval(() => undefined, 60_000);
    onStop(() => Promise.resolve(clearInterval(idle)));
    return;
  }
  const { engines, announced, capacity, onChange, close } = await createEngines(config, process.execPath, log);
  const pause = watchPause(jobs);
  const worker = nameWorker();
  const announcement = async () => ({ worker, ...(await announced()) });
  const limits = { audio: config.maxAudioSeconds, run: config.maxRunSeconds, silence: config.maxSilentSeconds };
  await endOrphans(jobs, log);
  setInterval(() => void endOrphans(jobs, log).catch(() => undefined), endOrphansMs).unref(); // tried again in a moment

  if (isForked || !queueRedis) {
    const tell = (message: ToApi) =>
      void (process.connected && process.send?.(message, undefined, {}, () => undefined));
    const run = createRunner({ jobs, cache: createParentCache(tell), engines, owner: worker, limits, log });
    const runner = createForkedRunner({
      capacity: (engine) => (pause.isOn() ? 0 : capacity(engine)),
      log,
      run,
      tell,
    });
    pause.onChange(runner.next);
    process.on('message', (message: ToWorker) => {
      if (message.type === 'run') runner.add(message.id, message.engine);
      else void runner.drain().then((drained) => drained && process.exit(0));
    });
    onStop(() => runner.close().then(close));
    const sayWhatCanRun = async () => tell({ type: 'ready', announcement: await announcement() });
    const speak = () => sayWhatCanRun().catch(() => undefined); // said again in 5 s
    onChange(() => {
      runner.next();
      void speak();
    });
    setInterval(() => void speak(), announceEveryMs).unref();
    await speak();
    return;
  }

  const cacheLink = cacheRedis && connectLink(cacheRedis, log, 'cache');
  const run = createRunner({ jobs, cache: createCache(cacheLink), engines, owner: worker, limits, log });
  const consumer = consumeQueues({
    address: queueRedis,
    engines: [...engines.keys()],
    announcement,
    capacity,
    onChange,
    pause,
    log,
    run,
  });
  const { models } = await announcement();
  log.info({ worker, engines: [...engines.keys()], models }, 'The worker is up.');
  onStop(async () => {
    await consumer.close();
    close();
    cacheLink?.close();
  });
}

let stopping = false;
let closeAll = () => Promise.resolve();

function onStop(closer: () => Promise<void>) {
  closeAll = closer;
}

function stop(reason: string) {
  if (stopping) return;
  stopping = true;
  log.info({ reason }, 'The worker stops.');
  setTimeout(() => process.exit(1), shutdownMs).unref();
  void closeAll().then(() => process.exit(0));
}

const config = loadConfig();
const log = createLog('worker', config.logLevel);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.on('disconnect', () => stop('disconnect')); // whoever forked this process is gone
await main(config, log).catch((error: unknown) => {
  log.fatal({ reason: String(error) }, 'The worker cannot start.');
  process.exit(1);
});
