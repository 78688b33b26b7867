import { access, constants, statfs } from 'node:fs/promises';
import { Router, type Request, type Response } from 'express';
import type { Redis } from 'ioredis';
import { ttlSeconds, type Cache, type CacheFamily } from '../shared/cache.ts';
import type { Config } from '../shared/config.ts';
import type { Queues } from '../shared/queue.ts';
import type { Links } from './app.ts';
import type { Handover } from './handover.ts';

interface Deps {
  config: Config;
  cache: Cache;
  links: Links;
  queues: Queues | null;
  handover: Handover;
}

const evicting = (policy: string) =>
  `The queue's Redis has maxmemory-policy ${policy} and may drop queued entries under memory pressure. ` +
  'Jobs are kept on disk and handed over again, but set "maxmemory-policy noeviction" on it, or give the cache a Redis of its own (QUEUE_REDIS_URL).';

/** Routes for operators: is it alive, can it take work, how is its Redis. */
export function operateRoutes({ config, links, queues, handover }: Deps): Router {
  const { dataDir, maxUploadBytes } = config;

  /** The process answers. */
  function health(_req: Request, res: Response) {
    res.json({ status: 'ok' });
  }

  /** Whether a job that is accepted now would be run: 503 with the reasons when not. */
  async function ready(_req: Request, res: Response) {
    const reasons: string[] = [];
    await access(dataDir, constants.W_OK).catch(() => reasons.push('The data folder cannot be written.'));
    const { bavail, bsize } = await statfs(dataDir).catch(() => ({ bavail: Infinity, bsize: 1 }));
    if (bavail * bsize < maxUploadBytes) reasons.push('The disk has no room for another upload.');
    const workers = await handover.reachable();
    if (workers.length === 0) {
      const away = links.queue && !links.queue.up() ? ` The queue's Redis is away: ${links.queue.reason()}.` : '';
      reasons.push(`No worker is there.${away}`);
    }
    const policy = queues?.ready() ? await queues.evictionPolicy().catch(() => 'unknown') : null;
    if (policy !== null && policy !== 'noeviction' && policy !== 'unknown') reasons.push(evicting(policy));
    res.status(reasons.length === 0 ? 200 : 503).json({
      status: reasons.length === 0 ? 'ready' : 'not_ready',
      mode: handover.mode(),
      workers: workers.length,
      reasons,
    });
  }

  async function debugRedis(_req: Request, res: Response) {
    const link = links.cache;
    if (!link) {
      res.json({ status: 'disabled', message: 'Redis未启用', cache_stats: null });
      return;
    }
    try {
      if (!link.up()) throw new Error('Redis is not reachable; the cache is in memory.');
      const info = await link.redis.info();
      const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
      res.json({
        status: 'connected',
        database: link.redis.options.db ?? 0,
        redis_info: {
          version: field('redis_version'),
          used_memory: field('used_memory_human'),
          connected_clients: Number(field('connected_clients')),
          total_commands_processed: Number(field('total_commands_processed')),
        },
        cache_stats: await countKeys(link.redis),
        queue: queues?.ready() ? await queues.counts().catch(() => null) : null,
        mode: handover.mode(),
      });
    } catch (error) {
      res.json({ status: 'error', message: error instanceof Error ? error.message : String(error), cache_stats: null });
    }
  }

  return Router().get('/healthz', health).get('/readyz', ready).get('/debug/redis', debugRedis);
}

/** Keys by family, counted by SCAN over at most 200,000 keys. */
async function countKeys(redis: Redis): Promise<Record<CacheFamily, number>> {
  const counts = { job_progress: 0, job_metadata: 0, output_files: 0, model_config: 0 };
  let cursor = '0';
  for (let round = 0; round < 200; round += 1) {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 1000);
    for (const key of keys) {
      const family = key.slice(0, key.indexOf(':')) as CacheFamily;
      if (family in ttlSeconds) counts[family] += 1;
    }
    cursor = next;
    if (cursor === '0') break;
  }
  return counts;
}
