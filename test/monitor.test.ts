import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../src/cli/free-port.ts';
import { clearCache, readCacheStats } from '../src/shared/cache-stats.ts';
import { startRedis } from './redis-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist/cli/monitor.js');
const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
const escape = '\u001b';
const showCursor = `${escape}[?25h`;
const leaveSecondScreen = `${escape}[?1049l`;
const home = `${escape}[H`;

/** What a test waits for comes in a second or so; this is for machines that are busy. */
const longMs = 25_000;

async function server(args: string[] = []) {
  const redis = await startRedis({ args });
  onTestFinished(redis.stop);
  return { ...redis, client: client(redis.port) };
}

function client(port: number, options: object = {}): Redis {
  const redis = new Redis({ host: '127.0.0.1', port, db: 1, retryStrategy: () => null, ...options });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** A cache of `jobs` jobs as the service writes it, and beside it what a queue and a stranger may have in the same database. */
async function fill(redis: Redis, jobs: number) {
  const pipeline = redis.pipeline();
  for (let i = 0; i < jobs; i += 1) {
    pipeline.set(`job_progress:${i}`, JSON.stringify({ progress: 50, stage: 'generating' }), 'EX', 7200);
    pipeline.set(`job_metadata:${i}`, JSON.stringify({ params: 'x'.repeat(900) }), 'EX', 7200);
    pipeline.set(`output_files:${i}`, JSON.stringify(['a.osz', 'a.osu']), 'EX', 3600);
  }
  pipeline.set('model_config:v32', '{}', 'EX', 86_400);
  for (const key of others) pipeline.set(key, '1');
  await pipeline.exec();
}

const others = [
  'output_generation',
  'mapperatorinator:generate-builtin:wait',
  'mapperatorinator:job_progress:1',
  'session:job_progress:1',
  'job_progress',
  'job_progressive:1',
  'foreign',
].sort();

const everyKey = async (redis: Redis) => (await redis.keys('*')).sort();

interface Options {
  env?: Record<string, string>;
  /** In a terminal of its own, by the command of package.json: a shell between must not spoil Ctrl-C. */
  terminal?: boolean;
}

function monitor(args: (string | number)[], { env = {}, terminal = false }: Options = {}) {
  const words = args.map((arg) => `'${arg}'`).join(' ');
  const [file, ...rest] = terminal
    ? ['script', '-qec', `${scripts.monitor} ${words}`, '/dev/null']
    : [process.execPath, program, ...args.map(String)];
  const child = spawn(file, rest, {
    cwd: terminal ? root : tmpdir(),
    // Set means that no .env is asked.
    env: {
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      TERM: 'xterm',
      REDIS_PASSWORD: '',
      REDIS_DB: '',
      ...env,
    },
    stdio: 'pipe',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  async function until(holds: (said: string) => boolean) {
    const deadline = Date.now() + longMs;
    while (!holds(stdout)) {
      if (Date.now() > deadline || child.exitCode !== null) throw new Error(`It only said: ${stdout}${stderr}`);
      await sleep(20);
    }
  }
  return { child, ended, until, said: () => stdout, type: (text: string) => child.stdin.write(text) };
}

const at = (port: number) => ['--host', '127.0.0.1', '--port', port];

async function stats(port: number, args: (string | number)[] = []) {
  const { code, stdout, stderr } = await monitor([...at(port), '--stats', ...args]).ended;
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

describe('--stats', () => {
  test('is one JSON document with the keys of each family, what they take, and what the server says of itself', async () => {
    const { port, client: redis } = await server(['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru']);
    await fill(redis, 10);
    await redis.set('job_metadata:eternal', 'x'.repeat(900));
    await redis.get('job_progress:1');
    await redis.get('missing');
    const found = await stats(port);
    expect(found.redis).toEqual({ host: '127.0.0.1', port, db: 1 });
    expect(found.complete).toBe(true);
    const { job_progress, job_metadata, output_files, model_config } = found.families;
    expect([job_progress, job_metadata, output_files, model_config].map(({ keys }) => keys)).toEqual([10, 11, 10, 1]);
    expect([job_progress, job_metadata, output_files, model_config].map((f) => f.without_ttl)).toEqual([0, 1, 0, 0]);
    for (const family of [job_progress, job_metadata, output_files, model_config]) {
      expect(family.bytes_per_key).toBeGreaterThan(30);
      expect(family.bytes).toBeGreaterThanOrEqual(family.keys * (family.bytes_per_key - 1));
      expect(family.sampled).toBe(family.keys);
    }
    // The metadata is 900 bytes and more, the rest is short; the server rounds every key up to what it allocates.
    expect(found.bytes_per_job).toBeGreaterThan(1000);
    expect(found.bytes_per_job).toBeLessThan(2000);
    expect(found.jobs_that_fit).toBe(Math.floor((64 * 1024 * 1024) / found.bytes_per_job));
    expect(found.keyspace.misses).toBe(1);
    expect(found.keyspace.hit_ratio).toBeCloseTo(found.keyspace.hits / (found.keyspace.hits + 1));
    expect(found.memory).toMatchObject({ max: 64 * 1024 * 1024, policy: 'allkeys-lru', evicted_keys: 0 });
    expect(found.memory.used).toBeGreaterThan(100_000);
    expect(found.version).toMatch(/^\d+\./);
    expect(found.connected_clients).toBeGreaterThanOrEqual(2);
    expect(found.total_commands_processed).toBeGreaterThan(30);
    expect(found.uptime_seconds).toBeGreaterThanOrEqual(0);
    expect(found.db_size).toBe(32 + others.length);
  });

  test('of an empty database is all noughts, and knows no size of a job', async () => {
    const { port } = await server();
    const found = await stats(port);
    expect(found.families.job_progress).toEqual({
      keys: 0,
      bytes: 0,
      bytes_per_key: null,
      sampled: 0,
      without_ttl: 0,
    });
    expect(found).toMatchObject({ complete: true, bytes_per_job: null, jobs_that_fit: null, db_size: 0 });
    expect(found.keyspace).toEqual({ hits: 0, misses: 0, hit_ratio: null });
  });

  test('counts 20,000 keys in one look, of which it measures a few, and disturbs the hit ratio by none of them', async () => {
    const { port, client: redis } = await server();
    await redis.eval(
      `for i = 1, 20000 do redis.call('SET', 'job_progress:' .. i, '{"progress":1.0}', 'EX', 7200) end
       redis.call('SET', 'output_generation', '7')`,
      0,
    );
    const startedAt = Date.now();
    const found = await stats(port);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    expect(found.complete).toBe(true);
    expect(found.families.job_progress).toMatchObject({ keys: 20_000, sampled: 50, without_ttl: 0 });
    expect(found.families.job_progress.bytes).toBeGreaterThan(20_000 * 30);
    expect(found.families.job_progress.bytes).toBeLessThan(20_000 * 300);
    const again = await stats(port);
    expect(again.keyspace.hits).toBeLessThanOrEqual(1); // output_generation, asked for its TTL
  });

  test.each([
    ['allkeys-lru', 0, true],
    ['allkeys-lru', 1, true],
    ['noeviction', 0, false],
  ])('with %s and a queue in database %i the warning is %s', async (policy, db, warned) => {
    const { port } = await server(['--maxmemory-policy', policy]);
    expect((await stats(port)).queue_may_be_evicted).toBe(false);
    await client(port, { db }).set('mapperatorinator:generate-builtin:meta', '1');
    const found = await stats(port);
    expect(found.queue_may_be_evicted).toBe(warned);
    expect(found.db_size).toBe(db); // the look elsewhere left the connection where it was
  });
});

describe('the time budget', () => {
  test('holds against a server that answers slowly: what was seen by then is told as not complete', async () => {
    const { port, client: redis } = await server();
    await redis.eval(`for i = 1, 20000 do redis.call('SET', 'output_files:' .. i, '[]', 'EX', 3600) end`, 0);
    const slow = client(await slowly(port, 400));
    await slow.ping();
    const startedAt = Date.now();
    const found = await readCacheStats(slow, { budgetMs: 2_000 });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(found.complete).toBe(false);
    expect(found.families.output_files.keys).toBeLessThan(20_000);
    expect(found.db_size).toBe(20_000);
  });

  test('holds against a server that hangs', async () => {
    const { client: redis, freeze } = await server();
    await redis.ping();
    freeze();
    const startedAt = Date.now();
    await expect(readCacheStats(redis, { budgetMs: 1_000 })).rejects.toThrow('no answer within 1000 ms');
    expect(Date.now() - startedAt).toBeLessThan(4_000);
  });

  test('takes a limit of the connection for a command as the end of the budget, not as a failure', async () => {
    const { port, client: redis } = await server();
    await fill(redis, 3);
    const hasty = client(port, { commandTimeout: 500 });
    Object.assign(hasty, { scan: () => hasty.blpop('nothing', 20) });
    const found = await readCacheStats(hasty, { budgetMs: 10_000 });
    expect(found.complete).toBe(false);
    expect(found.db_size).toBe(10 + others.length);
  });
});

describe('--clear', () => {
  test('deletes the keys of all jobs, and no other', async () => {
    const { port, client: redis } = await server();
    await fill(redis, 40);
    await client(port, { db: 0 }).set('job_progress:1', 'in another database');
    const { code, stdout } = await monitor([...at(port), '--clear', '--yes']).ended;
    expect(stdout).toBe(
      `Deleted 120 keys (job_progress 40, job_metadata 40, output_files 40) from Redis 127.0.0.1:${port}, database 1.\n`,
    );
    expect(code).toBe(0);
    expect(await everyKey(redis)).toEqual(['model_config:v32', ...others].sort());
    expect(await client(port, { db: 0 }).get('job_progress:1')).toBe('in another database');
  });

  test.each([
    [['--clear', 'job_progress:*'], /^job_progress:/],
    [['--clear=job_progress:*'], /^job_progress:/],
    [['--clear', 'model_config:*'], /^model_config:/],
    [['--clear', '*:1'], /^(job_progress|job_metadata|output_files):1$/],
    [['--clear', '*'], /^(job_progress|job_metadata|output_files|model_config):/],
    [['--clear', '*mapperatorinator:*'], /^never$/],
    [['--clear', 'output_generation'], /^never$/],
    [['--clear', 'job_progress*'], /^job_progress:/],
  ])('%j deletes exactly what matches and is of the cache', async (args, gone) => {
    const { port, client: redis } = await server();
    await fill(redis, 12);
    const before = await everyKey(redis);
    const { code } = await monitor([...at(port), '--yes', ...args]).ended;
    expect(code).toBe(0);
    expect(await everyKey(redis)).toEqual(before.filter((key) => !gone.test(key)));
  });

  test('goes through many pages, returns how many by family, and sends neither KEYS nor DEL', async () => {
    const { client: redis } = await server();
    await redis.eval(`for i = 1, 20000 do redis.call('SET', 'job_metadata:' .. i, '1', 'EX', 60) end`, 0);
    await redis.set('output_generation', '1');
    expect(await clearCache(redis)).toEqual({
      job_progress: 0,
      job_metadata: 20_000,
      output_files: 0,
      model_config: 0,
    });
    expect(await redis.dbsize()).toBe(1);
    expect(await redis.info('commandstats')).not.toMatch(/cmdstat_(keys|del|flush\w+):/);
  });

  test('without --yes deletes nothing where there is no terminal, and exits 2', async () => {
    const { port, client: redis } = await server();
    await fill(redis, 2);
    const before = await everyKey(redis);
    const { code, stderr } = await monitor([...at(port), '--clear']).ended;
    expect(code).toBe(2);
    expect(stderr).toBe('Nothing was deleted: --clear needs --yes where nobody can be asked.\n');
    expect(await everyKey(redis)).toEqual(before);
  });
});

describe('live, into a file or a pipe', () => {
  test('is a block of plain lines for each look, until SIGINT, and then exits 0', async () => {
    const { port, client: redis } = await server();
    await fill(redis, 5);
    const live = monitor([...at(port), '--interval', '0.2'], { env: { FORCE_COLOR: '1' } });
    await live.until((said) => said.split('job_metadata').length > 3);
    live.child.kill('SIGINT');
    const { code, stdout, stderr } = await live.ended;
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).not.toContain(escape);
    expect(stdout).toContain(`Redis 127.0.0.1:${port}, database 1`);
    expect(stdout).toMatch(/^ {2}job_metadata +5 +\d+\.\d KB +\d/m);
    expect(stdout).toMatch(/^ {2}one job +\d\.\d KB measured, no memory limit$/m);
    expect(stdout).toMatch(/^ {2}policy +noeviction, 0 evicted$/m);
    expect(await redis.info('commandstats')).not.toContain('cmdstat_keys');
  });

  test('shows a Redis that goes away as away, and goes on when it is back', async () => {
    const first = await startRedis();
    onTestFinished(first.stop);
    const live = monitor([...at(first.port), '--interval', '0.3']);
    await live.until((said) => said.includes('hit ratio'));
    await first.kill();
    await live.until((said) => said.includes('Redis is away: '));
    const second = await startRedis({ port: first.port });
    onTestFinished(second.stop);
    await client(first.port).set('model_config:back', '{}', 'EX', 60);
    await live.until((said) => /model_config +1 /.test(said));
    live.child.kill('SIGINT');
    expect((await live.ended).code).toBe(0);
  });

  test('shows a Redis that hangs as away, and goes on when it answers again', async () => {
    const redis = await server();
    const live = monitor([...at(redis.port), '--interval', '0.5']);
    await live.until((said) => said.includes('hit ratio'));
    redis.freeze();
    await live.until((said) => said.includes('Redis is away: no answer within 500 ms.'));
    await live.until((said) => said.split('Redis is away').length > 5); // by now it is connecting anew
    redis.thaw();
    const known = live.said().length;
    await live.until((said) => said.slice(known).includes('hit ratio'));
    live.child.kill('SIGTERM');
    expect((await live.ended).code).toBe(0);
  });

  test('ends quietly when its reader has gone', async () => {
    const { port } = await server();
    const live = monitor([...at(port), '--interval', '0.1']);
    await live.until((said) => said.includes('hit ratio'));
    live.child.stdout.destroy();
    expect(await live.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('refuses in one sentence', () => {
  const sentence = /^[^\n]+\.\n$/;

  test.each([[['--stats']], [['--clear', '--yes']], [[]]])(
    '%j: a Redis that cannot be reached, with 1',
    async (args) => {
      const port = await freePort();
      const { code, stdout, stderr } = await monitor([...at(port), ...args]).ended;
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(sentence);
      expect(stderr).toContain(`Redis at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED`);
    },
  );

  test('a wrong password or none, with 1, and takes the right one from the command line or the environment', async () => {
    const { port } = await startRedis({ args: ['--requirepass', 'right'] }).then((redis) => {
      onTestFinished(redis.stop);
      return redis;
    });
    const wrong = await monitor([...at(port), '--stats', '--password', 'wrong']).ended;
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(sentence);
    expect(wrong.stderr).toContain(`Redis at 127.0.0.1:${port} refuses: WRONGPASS`);
    const none = await monitor([...at(port), '--stats']).ended;
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toContain(`127.0.0.1:${port} refuses: it wants a password`);
    expect((await stats(port, ['--password', 'right'])).db_size).toBe(0);
    const env = { REDIS_HOST: '127.0.0.1', REDIS_PORT: `${port}`, REDIS_PASSWORD: 'right', REDIS_DB: '3' };
    const { code, stdout } = await monitor(['--stats'], { env }).ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout).redis).toEqual({ host: '127.0.0.1', port, db: 3 });
  });

  test('a database that the server does not have, with 1, and deletes nothing in another', async () => {
    const { port } = await server();
    const zero = client(port, { db: 0 });
    await fill(zero, 1);
    const { code, stderr } = await monitor([...at(port), '--db', 99, '--clear', '--yes']).ended;
    expect(code).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port} refuses: ERR DB index is out of range.`);
    expect(await zero.dbsize()).toBe(4 + others.length);
  });

  test('a server that takes the connection and says nothing, with 1', async () => {
    const redis = await server();
    redis.freeze();
    const { code, stderr } = await monitor([...at(redis.port), '--stats']).ended;
    expect(code).toBe(1);
    expect(stderr).toBe(`Redis at 127.0.0.1:${redis.port} cannot be reached: no answer within 5 s.\n`);
  });

  test('REDIS_HOST=none, with 1, unless --host names a Redis', async () => {
    const env = { REDIS_HOST: 'none' };
    const { code, stderr } = await monitor(['--stats'], { env }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
    expect(stderr).toContain('REDIS_HOST is "none"');
    const { port } = await server();
    expect((await monitor([...at(port), '--stats'], { env }).ended).code).toBe(0);
  });

  test.each([
    [['--stat'], "'--stat'"],
    [['job_progress:*'], "'job_progress:*'"],
    [['--port', 'x'], '--port x'],
    [['--port', '0'], '--port 0'],
    [['--port'], '--port'],
    [['--db', '-1'], '--db'],
    [['--db', '1.5'], '--db 1.5'],
    [['--interval', 'soon'], '--interval soon'],
    [['--interval', '0'], '--interval 0'],
    [['--host', ''], '--host'],
    [['--stats', '--clear'], '--stats or --clear'],
    [['--clear', '', '--yes'], '--clear'],
    [['--clear=', '--yes'], '--clear'],
    [['--clear', '--clear', '--yes'], '--clear'],
    [['--clear', 'a', 'b', '--yes'], "'b'"],
  ])('%j, with 2', async (args, named) => {
    const { code, stdout, stderr } = await monitor(args).ended;
    expect(stderr).toMatch(sentence);
    expect(stderr).toContain(named);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('nothing when it is asked for help', async () => {
    const { code, stdout } = await monitor(['--help']).ended;
    expect(code).toBe(0);
    for (const option of ['--stats', '--clear', '--host', '--port', '--db', '--interval', '--password', '--yes'])
      expect(stdout).toContain(option);
  });
});

const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') ?? false;
const skipped = hasScript ? '' : ' (skipped: they need the program "script" of util-linux)';

describe.skipIf(!hasScript)(`on a terminal${skipped}`, () => {
  test.each(['n', '', 'yess', 'no'])('--clear asks with what would go, and %j deletes nothing', async (answer) => {
    const { port, client: redis } = await server();
    await fill(redis, 3);
    const before = await everyKey(redis);
    const asked = monitor([...at(port), '--clear', 'job_*'], { terminal: true });
    await asked.until((said) => said.includes('[y/N]'));
    expect(asked.said()).toContain(
      `Delete 6 keys (job_progress 3, job_metadata 3) from Redis 127.0.0.1:${port}, database 1?`,
    );
    asked.type(`${answer}\n`);
    const { code, stdout } = await asked.ended;
    expect(stdout).toContain('Nothing was deleted.');
    expect(code).toBe(1);
    expect(await everyKey(redis)).toEqual(before);
  });

  test.each(['\u0003', '\u0004'])('%j at the question deletes nothing', async (key) => {
    const { port, client: redis } = await server();
    await fill(redis, 3);
    const before = await everyKey(redis);
    const asked = monitor([...at(port), '--clear'], { terminal: true });
    await asked.until((said) => said.includes('[y/N]'));
    asked.type(key);
    const { code, stdout } = await asked.ended;
    expect(stdout).toContain('Nothing was deleted.');
    expect(code).toBe(1);
    expect(await everyKey(redis)).toEqual(before);
  });

  test.each(['y', 'yes', 'Y'])('--clear obeys %j', async (answer) => {
    const { port, client: redis } = await server();
    await fill(redis, 3);
    const asked = monitor([...at(port), '--clear'], { terminal: true });
    await asked.until((said) => said.includes('[y/N]'));
    asked.type(`${answer}\n`);
    const { code, stdout } = await asked.ended;
    expect(stdout).toContain('Deleted 9 keys');
    expect(code).toBe(0);
    expect(await everyKey(redis)).toEqual(['model_config:v32', ...others].sort());
  });

  test('--clear asks nothing where there is nothing to delete', async () => {
    const { port } = await server();
    const { code, stdout } = await monitor([...at(port), '--clear'], { terminal: true }).ended;
    expect(stdout).toContain('There is nothing to delete');
    expect(code).toBe(0);
  });

  test('the live view is in colour and drawn over and over; Ctrl-C ends it with 0 and gives the terminal back', async () => {
    const { port, client: redis } = await server(['--maxmemory-policy', 'allkeys-lru']);
    await fill(redis, 3);
    const live = monitor([...at(port), '--interval', '0.3'], { terminal: true });
    await live.until((said) => said.split(home).length > 3);
    live.type('\u0003');
    const { code, stdout } = await live.ended;
    expect(code).toBe(0);
    expect(stdout).toContain(`${escape}[1m`);
    expect(stdout).toContain(`${escape}[33m! maxmemory-policy allkeys-lru may evict the queue's keys`);
    expect(stdout.lastIndexOf(showCursor)).toBeGreaterThan(stdout.lastIndexOf(home));
    expect(stdout.lastIndexOf(leaveSecondScreen)).toBeGreaterThan(stdout.lastIndexOf(home));
  });

  test('NO_COLOR takes the colours away and leaves the picture', async () => {
    const { port } = await server();
    const live = monitor([...at(port), '--interval', '0.3'], { terminal: true, env: { NO_COLOR: '1' } });
    await live.until((said) => said.split(home).length > 2);
    live.type('\u0003');
    const { code, stdout } = await live.ended;
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/\u001b\[\d+m/);
  });
});

/** A port that leads to Redis, each answer of which comes `ms` late. */
async function slowly(port: number, ms: number): Promise<number> {
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
    }
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => void setTimeout(() => near.write(chunk), ms));
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return (proxy.address() as AddressInfo).port;
}
