import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, RedisAddress } from '../shared/config.ts';
import { monitorConnection, reasonOf } from '../shared/redis.ts';
import { ok, problem, warning, type Finding } from './finding.ts';

/** BullMQ's own limits (RedisConnection.minimumVersion and recommendedMinimumVersion of 6.7). */
const leastVersion = '5.0.0';
const wantedVersion = '6.2.0';
const longestMs = 4_000;

type Role = 'queue' | 'cache';

/**
 * Both Redis, each as its role needs it. Takes at most four seconds; writes nothing.
 */
export async function checkRedis({ queueRedis, cacheRedis }: Config): Promise<Finding[]> {
  if (!queueRedis && !cacheRedis) {
    return [
      ok('Redis', 'REDIS_HOST=none: jobs run without it, from memory and disk, with one worker inside of the API.'),
    ];
  }
  const roles: [Role, RedisAddress | null][] = [
    ['queue', queueRedis],
    ['cache', cacheRedis],
  ];
  // The defaults are nobody's choice: the service works without a Redis, on one host.
  const chosen = roles.some(([, address]) => address?.host !== 'localhost');
  return Promise.all(roles.flatMap(([role, address]) => (address === null ? [] : [checkRole(role, address, chosen)])));
}

async function checkRole(role: Role, address: RedisAddress, chosen: boolean): Promise<Finding> {
  const check = `${role} Redis`;
  const where = `${address.host}:${address.port}, database ${address.db}`;
  const variable = role === 'queue' ? 'QUEUE_REDIS_URL (or REDIS_HOST and REDIS_PORT)' : 'REDIS_HOST and REDIS_PORT';
  const redis = monitorConnection(address);
  let firstError: unknown;
  redis.on('error', (error: unknown) => (firstError ??= error)); // says more than the call that fails for it
  const late = sleep(longestMs, null, { ref: false }).then(() => {
    throw new Error('it does not answer');
  });
  let step: 'connect' | 'select' | 'write' = 'connect';
  try {
    await Promise.race([redis.connect(), late]);
    const info = await Promise.race([redis.info(), late]);
    step = 'select';
    await Promise.race([redis.select(address.db), late]); // ioredis goes on in database 0 when the server has no such one
    step = 'write';
    await Promise.race([redis.setrange('mapperatorinator:probe', 0, ''), late]); // stores nothing, makes no key
    return judge(role, where, readInfo(info));
  } catch (error) {
    const reason = reasonOf(firstError ?? error);
    if (/^(NOAUTH|WRONGPASS|NOPERM)|password/i.test(reason)) {
      const secret = role === 'queue' ? 'QUEUE_REDIS_URL or REDIS_PASSWORD' : 'REDIS_PASSWORD';
      return problem(
        check,
        'redis_refuses',
        `${where} refuses us: ${reason}.`,
        `Set ${secret} to what that server wants.`,
      );
    }
    if (step === 'select') {
      const setting = role === 'queue' ? 'the database in QUEUE_REDIS_URL' : 'REDIS_DB';
      return problem(
        check,
        'redis_database',
        `${where} cannot be used: ${reason}.`,
        `Set ${setting} to one it has (0 to 15 as shipped).`,
      );
    }
    if (step === 'write') {
      return problem(
        check,
        'redis_read_only',
        `${where} takes no writes: ${reason}.`,
        'Point to the primary, or give that server room to write.',
      );
    }
    const detail = `${where} cannot be reached: ${reason}.`;
    if (chosen) return problem(check, 'redis_unreachable', detail, `Start it, or correct ${variable}.`);
    const meaning = `${detail} Jobs run without it, with one worker inside of the API.`;
    return warning(
      check,
      'redis_unreachable',
      meaning,
      'For several workers start redis-server; to do without say REDIS_HOST=none.',
    );
  } finally {
    redis.disconnect();
  }
}

interface Facts {
  version: string;
  policy: string;
  appendOnly: boolean;
  maxmemory: number;
}

function readInfo(info: string): Facts {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    version: field('redis_version'),
    policy: field('maxmemory_policy'),
    appendOnly: field('aof_enabled') === '1',
    maxmemory: Number(field('maxmemory')),
  };
}

function judge(role: Role, where: string, { version, policy, appendOnly, maxmemory }: Facts): Finding {
  const check = `${role} Redis`;
  const here = `Redis ${version} at ${where}`;
  if (isOlder(version, leastVersion)) {
    return problem(check, 'redis_too_old', `${here} is too old for the queue.`, `Install ${wantedVersion} or newer.`);
  }
  if (role === 'queue' && policy !== 'noeviction') {
    const detail = `${here} has maxmemory-policy ${policy} and may drop queued jobs; /readyz answers 503.`;
    return problem(
      check,
      'redis_evicts',
      detail,
      'Set "maxmemory-policy noeviction" on it, or give the cache a Redis of its own (QUEUE_REDIS_URL).',
    );
  }
  if (isOlder(version, wantedVersion)) {
    return warning(
      check,
      'redis_old',
      `${here} is older than BullMQ recommends.`,
      `Install ${wantedVersion} or newer.`,
    );
  }
  if (role === 'queue' && !appendOnly) {
    const detail = `${here} writes nothing down: after a crash of it, jobs are handed over again from disk.`;
    return warning(check, 'redis_not_durable', detail, 'Set "appendonly yes" on it.');
  }
  if (role === 'cache' && policy === 'noeviction' && maxmemory > 0) {
    const detail = `${here} refuses writes when it is full (noeviction); the service then goes on from memory.`;
    return warning(check, 'redis_fills_up', detail, 'Give the cache a Redis of its own with allkeys-lru.');
  }
  return ok(check, `${here}, ${policy}${role === 'queue' ? ', append-only file' : ''}.`);
}

const isOlder = (version: string, than: string) =>
  version !== '' && version.localeCompare(than, 'en', { numeric: true }) < 0;
