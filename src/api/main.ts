import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createCache } from '../shared/cache.ts';
import { loadConfig, type Config } from '../shared/config.ts';
import { createJobs } from '../shared/jobs.ts';
import { createLog, type Log } from '../shared/log.ts';
import { createQueues } from '../shared/queue.ts';
import { connectLink } from '../shared/redis.ts';
import { createAccess } from './access.ts';
import { createApp } from './app.ts';
import { createForkedWorker } from './forked-worker.ts';
import { createHandover } from './handover.ts';
import { refill } from './job-view.ts';
import { createRemoval } from './removal.ts';
import { createSweeper } from './sweep.ts';
import { createModelConfigs, createOutputLists } from './watcher.ts';

/** How long the start waits for Redis before it goes on without. */
const redisPatienceMs = 1_000;
const shutdownMs = 20_000;
const pageFolder = fileURLToPath(new URL('../web', import.meta.url));
const workerModule = fileURLToPath(new URL('../worker/main.js', import.meta.url));

/** An API process: accept, show, stream, serve. Reads top to bottom, closes in reverse. */
async function main(config: Config, log: Log) {
  const jobs = createJobs(config.dataDir);
  await jobs.prepare();

  const cacheLink = config.cacheRedis && connectLink(config.cacheRedis, log, 'cache');
  const queueLink = config.queueRedis && connectLink(config.queueRedis, log, 'queue');
  const queues = queueLink && createQueues(queueLink, log);
  const cache = createCache(cacheLink);
  const lists = createOutputLists({ jobs, cache, log });
  const home = config.mapperatorinatorHome;
  const modelConfigs = home ? createModelConfigs({ home, cache, log }) : null;

  const forked = createForkedWorker({ module: workerModule, cache, log });
  const { maxWaitSeconds } = config;
  const handover = createHandover({ jobs, cache, queues, forked, maxWaitSeconds, log });
  const queueIsThere = queueLink ? await queueLink.upWithin(redisPatienceMs) : false;
  await handover.start(!queueIsThere);
  queueLink?.onUp(() => void handover.reconcile());
  queueLink?.onDown(handover.queueLost);
  cacheLink?.onUp(
    () =>
      void refill({ jobs, cache }).catch((error: unknown) =>
        log.warn({ err: error }, 'The cache could not be filled; it fills with the questions.'),
      ),
  );
  if (queues) {
    queueLink.onUp(() => void warnOfEviction(queues.evictionPolicy, log));
    if (queueIsThere) await warnOfEviction(queues.evictionPolicy, log);
  }
  const removal = createRemoval({ jobs, cache, queues, log });
  const sweeper = createSweeper({ jobs, cache, link: cacheLink, retentionMs: config.retentionMs, removal, log });
  sweeper.start();

  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one a stream
  const links = { cache: cacheLink, queue: queueLink };
  const access = createAccess(config, jobs);
  const parts = { access, jobs, cache, links, queues, handover, lists, modelConfigs, removal, pageFolder };
  const app = createApp({ config, ...parts, log, closing: closing.signal });
  const server = createServer({ requestTimeout: 0 }, app);
  server.on('error', (error: NodeJS.ErrnoException) => {
    log.fatal({ host: config.host, port: config.port, reason: error.message }, 'The API cannot listen.');
    process.exit(1);
  });
  server.listen(config.port, config.host, () => {
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : config.port;
    log.info({ host: config.host, port, mode: handover.mode() }, 'The API is up.');
    const isPrivate = ['127.0.0.1', '::1', 'localhost'].includes(config.host);
    if (!isPrivate && !access.isLimited)
      log.warn({ host: config.host }, 'Anybody who reaches this address may use it; set API_KEYS.');
  });

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'The API stops.');
    setTimeout(() => process.exit(1), shutdownMs).unref();
    closing.abort();
    server.close(() => void close());
    setTimeout(() => server.closeAllConnections(), 2_000).unref();
  };
  const close = async () => {
    await sweeper.close();
    await handover.close();
    await forked.close();
    await modelConfigs?.close();
    await lists.close();
    queueLink?.close();
    cacheLink?.close();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('disconnect', () => stop('disconnect')); // whoever forked this process is gone
}

async function warnOfEviction(policyOf: () => Promise<string>, log: Log) {
  const policy = await policyOf().catch(() => 'unknown');
  if (policy === 'noeviction' || policy === 'unknown') return;
  log.warn(
    { policy },
    'The queue Redis may evict queued jobs; set maxmemory-policy noeviction. Jobs stay safe on disk.',
  );
}

const config = loadConfig();
const log = createLog('api', config.logLevel);
await main(config, log).catch((error: unknown) => {
  log.fatal({ reason: String(error) }, 'The API cannot start.');
  process.exit(1);
});
