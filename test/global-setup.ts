import type {} from 'vitest';
import type { TestProject } from 'vitest/node';
import { findChromium, findRedis } from './programs.ts';
import { startRedis } from './redis-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A real Redis with `noeviction`; take a prefix or a database of your own. */
    redisUrl: string;
  }
}

/** A browser, and one real Redis for the whole run: the one that TEST_REDIS_URL names, else one of our own. */
export default async function setup(project: TestProject) {
  try {
    findChromium({ install: true });
  } catch {
    // The tests of the page fail and say so.
  }
  const given = process.env['TEST_REDIS_URL'];
  if (given) {
    project.provide('redisUrl', given);
    return undefined;
  }
  findRedis({ install: true });
  const redis = await startRedis();
  project.provide('redisUrl', redis.url);
  return () => redis.stop();
}
