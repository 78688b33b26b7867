import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../src/shared/config.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

test('nothing set gives the documented defaults', () => {
  expect(parseConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 8000,
    cacheRedis: { host: 'localhost', port: 6379, db: 1 },
    queueRedis: { host: 'localhost', port: 6379, db: 0 },
    engine: 'auto',
    python: 'python3',
    workerConcurrency: 1,
    logLevel: 'info',
  });
});

test('an empty variable counts as not set', () => {
  expect(parseConfig({ PORT: '', REDIS_PASSWORD: '', QUEUE_REDIS_URL: '' })).toEqual(parseConfig({}));
});

test('password and database reach both Redis roles, and a URL of its own wins for the queue', () => {
  const both = parseConfig({ REDIS_HOST: 'r', REDIS_PORT: '7', REDIS_PASSWORD: 's', REDIS_DB: '3' });
  expect(both.cacheRedis).toEqual({ host: 'r', port: 7, password: 's', db: 3 });
  expect(both.queueRedis).toEqual({ host: 'r', port: 7, password: 's', db: 0 });
  const own = parseConfig({ QUEUE_REDIS_URL: 'rediss://u:p%40@q:9/2' });
  expect(own.queueRedis).toEqual({ host: 'q', port: 9, username: 'u', password: 'p@', db: 2, tls: {} });
});

test('REDIS_HOST=none means no Redis at all', () => {
  expect(parseConfig({ REDIS_HOST: 'none' })).toMatchObject({ cacheRedis: null, queueRedis: null });
});

test.each([
  ['PORT', 'eighty'],
  ['PORT', '70000'],
  ['ENGINE', 'gpu'],
  ['QUEUE_REDIS_URL', 'http://x'],
  ['WORKER_CONCURRENCY', '0'],
  ['MAX_UPLOAD_MB', '-1'],
  ['LOG_LEVEL', 'loud'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => parseConfig({ [name]: value })).toThrow(ConfigError);
  expect(() => parseConfig({ [name]: value })).toThrow(new RegExp(`^${name}: `, 'm'));
});

test('the value cannot be changed afterwards', () => {
  expect(Object.isFrozen(parseConfig({}))).toBe(true);
});

test.each(['api', 'worker'])(
  'a bad value in .env stops the start of %s with exit code 2 and the variable',
  async (kind) => {
    const folder = await mkdtemp(join(tmpdir(), 'env-'));
    await writeFile(join(folder, '.env'), 'PORT=nowhere\n');
    const done = spawnSync(process.execPath, [join(dist, kind, 'main.js')], {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(done.status).toBe(2);
    expect(done.stderr).toContain('PORT: ');
  },
);
