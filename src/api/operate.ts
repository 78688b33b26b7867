import { constants, access as tryAccess, statfs } from 'node:fs/promises';
import { Router, type Request, type Response } from 'express';
import { readCacheStats, type CacheStats } from '../shared/cache-stats.ts';
import type { Cache } from '../shared/cache.ts';
import type { Config } from '../shared/config.ts';
import type { Jobs } from '../shared/jobs.ts';
import { bestModel, builtinModel } from '../shared/models.ts';
import type { Announcement, Queues } from '../shared/queue.ts';
import type { RedisLink } from '../shared/redis.ts';
import type { Access } from './access.ts';
import type { Links } from './app.ts';
import type { Handover } from './handover.ts';

interface Deps {
  config: Config;
  access: Access;
  jobs: Jobs;
  cache: Cache;
  links: Links;
  queues: Queues | null;
  handover: Handover;
}

/** Of the 250 ms that a request may wait for Redis. */
const statsBudgetMs = 150;

const evicting = (policy: string) =>
  `The queue's Redis has maxmemory-policy ${policy} and may drop queued entries under memory pressure. ` +
  'Jobs are kept on disk and handed over again, but set "maxmemory-policy noeviction" on it, or give the cache a Redis of its own (QUEUE_REDIS_URL).';

const paused = 'The service is paused: jobs are accepted, and none is begun until an admin resumes it.';

/** Routes for operators: is it alive, can it take work, how is its Redis. */
export function operateRoutes({ config, access, jobs, cache, links, queues, handover }: Deps): Router {
  const { dataDir, maxUploadBytes, engine } = config;

  /** The process answers. */
  function health(_req: Request, res: Response) {
    res.json({ status: 'ok' });
  }

  /** Whether a job that is accepted now would be run: 503 with the reasons when not. */
  async function ready(_req: Request, res: Response) {
    const reasons: string[] = [];
    await tryAccess(dataDir, constants.W_OK).catch(() => reasons.push('The data folder cannot be written.'));
    const { bavail, bsize } = await statfs(dataDir).catch(() => ({ bavail: Infinity, bsize: 1 }));
    if (bavail * bsize < maxUploadBytes) reasons.push('The disk has no room for another upload.');
    const workers = await handover.reachable();
    const able = workers.filter(({ engines }) => engines.some((name) => name === engine || engine === 'auto'));
    const trouble = workers.flatMap(troubleWithDevices);
    const isNeeded = engine === 'mapperatorinator';
    if (workers.length === 0) {
      const away = links.queue && !links.queue.up() ? ` The queue's Redis is away: ${links.queue.reason()}.` : '';
      reasons.push(`No worker is there.${away}`);
    } else if (able.length === 0) {
      reasons.push(`No worker has an engine that ENGINE=${engine} asks for.`);
    }
    // With another engine in its place a job still gets its map.
    if (isNeeded && !able.some(({ models }) => models.length > 0)) reasons.push(...trouble);
    const policy = queues?.ready() ? await queues.evictionPolicy().catch(() => 'unknown') : null;
    if (policy !== null && policy !== 'noeviction' && policy !== 'unknown') reasons.push(evicting(policy));
    const isPaused = await jobs.isPaused().catch(() => false); // a disk in trouble is among the reasons
    res.status(reasons.length === 0 ? 200 : 503).json({
      status: reasons.length === 0 ? 'ready' : 'not_ready',
      mode: handover.mode(),
      workers: workers.length,
      devices: workers.flatMap(({ devices = [] }) => devices),
      reasons,
      warnings: [...(isPaused ? [paused] : []), ...trouble.filter((text) => !reasons.includes(text))],
    });
  }

  /** The seed's fields about the cache's Redis, then what an operator needs to know of both. Bounded in time and keys. */
  async function debugRedis(req: Request, res: Response) {
    access.requireAdmin(req);
    const [stats, cacheRole, queueRole, counts, workers] = await Promise.all([
      links.cache?.up() ? readCacheStats(links.cache.redis, { budgetMs: statsBudgetMs }).catch(() => null) : null,
      links.cache && describeRole(links.cache),
      links.queue && describeRole(links.queue),
      queues?.ready() ? queues.counts().catch(() => null) : null,
      handover.reachable(),
    ]);
    res.json({
      ...seedAnswer(links, stats),
      mode: cache.mode(),
      jobs_through: handover.mode() === 'redis' ? 'queue' : 'forked worker',
      roles: {
        cache: cacheRole && { ...cacheRole, warning: cacheWarning(cacheRole) },
        queue: queueRole && { ...queueRole, warning: queueWarning(queueRole) },
        shared: cacheRole !== null && cacheRole.run_id !== null && cacheRole.run_id === queueRole?.run_id,
      },
      lookups: { this_process: cache.counts(), server: stats?.keyspace ?? null },
      memory: stats && {
        families: stats.families,
        complete: stats.complete,
        bytes_per_job: stats.bytes_per_job,
        jobs_that_fit: stats.jobs_that_fit,
        evicted_keys: stats.memory.evicted_keys,
      },
      queue: counts,
      workers,
    });
  }

  return Router().get('/healthz', health).get('/readyz', ready).get('/debug/redis', debugRedis);
}

/** What keeps a worker from running the model's program on all that it was given, with the code first. */
function troubleWithDevices({ devices = [], models, missing = [], engines }: Announcement): string[] {
  const trouble = devices.flatMap(({ slot, state, code, detail }) => {
    if (state === 'failed') return [`${code}: GPU slot ${slot} cannot be used: ${detail}`];
    return state === 'cold'
      ? [`GPU slot ${slot} loads the model for every job: this checkout cannot be kept warm.`]
      : [];
  });
  for (const { model, state, detail } of missing) {
    if (state === 'incomplete') trouble.push(`model_missing: ${model} is not whole: ${detail}`);
  }
  const best = missing.find(({ model }) => model === bestModel);
  if (
    best?.state === 'absent' &&
    engines.includes('mapperatorinator') &&
    models.every((name) => name === builtinModel)
  ) {
    trouble.push(`model_missing: no model is installed. ${best.detail}`);
  }
  return trouble;
}

/** What the seed answers, with its three kinds of `status`. */
function seedAnswer(links: Links, stats: CacheStats | null) {
  if (!links.cache) return { status: 'disabled', message: 'Redis未启用', cache_stats: null };
  if (!stats) {
    const message = `Redis is not reachable (${links.cache.reason() ?? 'no answer'}); the cache is in memory.`;
    return { status: 'error', message, cache_stats: null };
  }
  const counts = Object.entries(stats.families).map(([family, { keys }]) => [family, keys]);
  return {
    status: 'connected',
    database: links.cache.redis.options.db ?? 0,
    redis_info: {
      version: stats.version,
      used_memory: stats.memory.used_human,
      connected_clients: stats.connected_clients,
      total_commands_processed: stats.total_commands_processed,
    },
    cache_stats: Object.fromEntries(counts) as Record<string, number>,
  };
}

type Role = Awaited<ReturnType<typeof describeRole>>;

/** One Redis as its role sees it; what only a server that answers can say is null. */
async function describeRole(link: RedisLink) {
  const { host, port, db } = link.redis.options;
  const info = link.up() ? await link.redis.info().catch(() => null) : null;
  const field = (name: string) =>
    info === null ? null : (new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null);
  const number = (name: string) => (field(name) === null ? null : Number(field(name)));
  return {
    host,
    port,
    database: db,
    up: link.up(),
    reason: link.reason(),
    version: field('redis_version'),
    run_id: field('run_id'),
    used_memory: number('used_memory'),
    maxmemory: number('maxmemory'),
    eviction_policy: field('maxmemory_policy'),
    append_only_file: field('aof_enabled') === null ? null : field('aof_enabled') === '1',
  };
}

function queueWarning({ eviction_policy: policy, append_only_file: aof }: Role): string | null {
  if (policy !== null && policy !== 'noeviction') return evicting(policy);
  if (aof === false)
    return 'The queue is not written down (appendonly no): after a crash of Redis its jobs are handed over again from disk.';
  return null;
}

function cacheWarning({ eviction_policy: policy, maxmemory }: Role): string | null {
  if (policy !== 'noeviction' || !maxmemory) return null;
  return "The cache's Redis refuses writes when it is full (noeviction); the service then goes on from memory. Give the cache a Redis with allkeys-lru.";
}
