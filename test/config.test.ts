import { spawnSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../src/shared/config.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));

/** What whoever starts the service with this is told. */
function refusal(env: Record<string, string>): string {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'not refused';
}

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
  ['PORT', 'eighty', 'must be a whole number from 0 to 65535, not "eighty"'],
  ['PORT', '70000', 'must be a whole number from 0 to 65535, not "70000"'],
  ['REDIS_DB', '-1.5', 'must be a whole number from 0 to 1024, not "-1.5"'],
  ['MAX_RUN_MINUTES', 'soon', 'must be a number from 0.01 to 20160, not "soon"'],
  ['RETENTION_DAYS', '0', 'must be a number from 0.0001 to 3650, not "0"'],
  ['ENGINE', 'gpu', 'must be auto, builtin or mapperatorinator, not "gpu"'],
  ['LOG_LEVEL', 'loud', 'must be fatal, error, warn, info, debug, trace or silent, not "loud"'],
  ['CORS_ORIGINS', 'a,b', 'must be * or origins such as https://maps.example, with commas between, not "a,b"'],
])('%s=%s is refused in one sentence that says what is wanted', (name, value, words) => {
  expect(refusal({ [name]: value })).toBe(`The configuration is not usable.\n${name}: ${words}`);
});

test.each([
  [
    'QUEUE_REDIS_URL',
    'http://u:hunter2@x',
    'must be redis://[user:password@]host[:port][/database], or rediss:// for TLS',
  ],
  ['QUEUE_REDIS_URL', 'redis://:hunter2@x/first', 'must be redis://'],
  ['QUEUE_REDIS_URL', 'redis://:hunter2%zz@x', 'must be redis://'],
  ['QUEUE_REDIS_URL', 'redis:hunter2', 'must be redis://'],
  ['API_KEYS', 'alice:hunter2,bob', 'must be name:key,name:key with keys of 16 or more visible ASCII characters'],
  ['ADMIN_KEY', 'hunter2', 'must be 16 or more visible ASCII characters'],
])('%s=%s is refused in one sentence, and the secret in it is not repeated', (name, value, words) => {
  const message = refusal({ [name]: value, REDIS_PASSWORD: 'hunter2' });
  expect(message.split('\n')).toEqual([expect.any(String), expect.stringContaining(`${name}: ${words}`)]);
  expect(message).not.toContain('hunter2');
});

test('every wrong variable has its line', () => {
  expect(refusal({ PORT: 'x', REDIS_PORT: '0', ENGINE: 'y' }).match(/^\w+(?=: )/gm)).toEqual([
    'PORT',
    'REDIS_PORT',
    'ENGINE',
  ]);
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
    expect(done.stderr).toContain('PORT: must be a whole number from 0 to 65535, not "nowhere"\n');
  },
);
