import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse as parseEnv } from 'dotenv';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { parseArguments, parseProcfile, processesOf } from '../src/cli/procfile.ts';
import { restartDelayMs } from '../src/cli/supervise.ts';
import { parseConfig } from '../src/shared/config.ts';
import { findRedis } from './programs.ts';
import { startRedis } from './redis-server.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const startProgram = join(root, 'dist/cli/start.js');
const demoProgram = join(root, 'dist/cli/demo.js');

interface ComposeService {
  image: string;
  build?: { context: string; target: string };
  command?: string[];
  ports?: string[];
  profiles?: string[];
  networks: string[];
  volumes?: string[];
  environment?: Record<string, string | number>;
  healthcheck?: { test: string[] };
  deploy?: { resources: { reservations: { devices: { capabilities: string[] }[] } } };
}

interface Compose {
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, object>;
}

const text = (name: string) => readFile(join(root, name), 'utf8');
const compose = async (name: string) => parseYaml(await text(name), { merge: true }) as Compose;

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'operate-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe.each(['docker-compose.yaml', 'docker-compose.cpu.yaml'])('%s', (file) => {
  test('the queue has a Redis that evicts nothing and writes everything down, by its own word', async () => {
    const { services } = await compose(file);
    const settings = await settingsOf(services['queue-redis']!);
    expect(settings).toMatchObject({ 'maxmemory-policy': 'noeviction', appendonly: 'yes' });
    expect(services['queue-redis']!.volumes).toEqual(['queue:/data']);
  });

  test('the cache has a Redis of 256 MB that lets old entries go and saves nothing, by its own word', async () => {
    const { services } = await compose(file);
    const settings = await settingsOf(services['cache-redis']!);
    expect(settings).toMatchObject({
      'maxmemory-policy': 'allkeys-lru',
      maxmemory: `${256 * 1024 * 1024}`,
      appendonly: 'no',
      save: '',
    });
  });

  test('nobody outside reaches a Redis, and the API answers this machine only', async () => {
    const { services, networks } = await compose(file);
    expect(networks['back']).toEqual({ internal: true });
    for (const name of ['queue-redis', 'cache-redis']) {
      expect(services[name]).not.toHaveProperty('ports');
      expect(services[name]!.networks).toEqual(['back']);
    }
    expect(services['api']!.ports).toEqual(['127.0.0.1:${PORT:-8000}:8000']);
  });

  test('every process is pointed at both Redis and at one data folder, and the API is asked whether it is ready', async () => {
    const { services, volumes } = await compose(file);
    const ours = Object.values(services).filter(({ build }) => build);
    expect(ours.length).toBeGreaterThanOrEqual(2);
    for (const { environment, volumes: mounts } of ours) {
      const config = parseConfig(resolved(environment!));
      expect(config.queueRedis).toEqual({ host: 'queue-redis', port: 6379, db: 0 });
      expect(config.cacheRedis).toEqual({ host: 'cache-redis', port: 6379, db: 1 });
      expect(config.dataDir).toBe('/data');
      expect(mounts).toContain('data:/data');
    }
    expect(volumes).toHaveProperty('data');
    expect(services['api']!.healthcheck!.test.join(' ')).toContain('/readyz');
  });

  test('every limit of .env.example can be set through .env, and is the same when it is not', async () => {
    const { services } = await compose(file);
    const limits = Object.entries(parseEnv(await text('.env.example'))).filter(([name]) => /^MAX_|_DAYS$/.test(name));
    expect(limits.length).toBeGreaterThan(7);
    for (const [name, value] of limits) {
      expect(services['api']!.environment![name], name).toBe(`\${${name}:-${value}}`);
    }
  });

  test('its images are stages of the Dockerfile and its commands are files of the build', async () => {
    const { services } = await compose(file);
    const stages = [...(await text('Dockerfile')).matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
    for (const { build, command } of Object.values(services)) {
      if (!build) continue;
      expect(stages).toContain(build.target);
      if (command) expect(existsSync(join(root, command[1]!)), command[1]).toBe(true);
    }
  });
});

test('a GPU is only asked for in its profile, and never in the CPU file', async () => {
  const { services } = await compose('docker-compose.yaml');
  const withGpu = Object.entries(services).filter(([, { deploy }]) => deploy);
  expect(withGpu.map(([name]) => name)).toEqual(['worker-gpu']);
  expect(withGpu[0]![1].profiles).toEqual(['gpu']);
  expect(withGpu[0]![1].deploy!.resources.reservations.devices[0]!.capabilities).toEqual(['gpu']);
  expect(await text('docker-compose.cpu.yaml')).not.toMatch(/gpu|nvidia|extends/i);
});

test('both compose files give every process the same environment', async () => {
  const [gpu, cpu] = await Promise.all(['docker-compose.yaml', 'docker-compose.cpu.yaml'].map(compose));
  for (const name of ['api', 'worker']) {
    const engine = { ENGINE: 'its own' }; // the CPU file knows one engine only
    expect({ ...gpu!.services[name]!.environment, ...engine }).toEqual({
      ...cpu!.services[name]!.environment,
      ...engine,
    });
  }
});

test('the documents call docker-compose by one name, and what they run in a container is in its image', async () => {
  const files = ['docker-compose.yaml', 'docker-compose.cpu.yaml', 'README.md', 'README.zh-CN.md', 'docs/operating.md'];
  const documents = await Promise.all(files.map(text));
  expect(files.filter((_file, i) => documents[i]!.includes('docker compose'))).toEqual([]);
  const ran = documents.flatMap((document) => [...document.matchAll(/docker-compose exec \S+ node (\S+)/g)]);
  const programs = ran.map(([, program]) => program!);
  expect(programs).toContain('dist/cli/monitor.js');
  for (const program of programs) expect(existsSync(join(root, program)), program).toBe(true);
  expect(await text('Dockerfile')).toMatch(/^COPY --from=build \/app\/dist \.\/dist$/m);
});

test('what the Dockerfile copies is in the repository and let through to the build', async () => {
  const allowed = (await text('.dockerignore')).split('\n').filter((line) => line.startsWith('!'));
  const copies = [...(await text('Dockerfile')).matchAll(/^COPY (?!--from)(.+) \S+$/gm)];
  const sources = copies.flatMap(([, list]) => list!.split(' ')).map((path) => path.replace(/^\.\//, ''));
  expect(sources).toContain('src');
  for (const source of sources) {
    expect(existsSync(join(root, source)), source).toBe(true);
    expect(allowed, source).toContain(`!${source}`);
  }
});

test('every command of the Procfile is a file of the build', async () => {
  const types = parseProcfile(await text('Procfile'));
  expect([...types.keys()]).toEqual(['api', 'worker']);
  for (const command of types.values()) {
    expect(existsSync(join(root, command.replace(/^node /, ''))), command).toBe(true);
  }
});

test('a .env copied from the example changes nothing and leaves no variable out', async () => {
  const example = parseEnv(await text('.env.example'));
  expect(parseConfig(example)).toEqual(parseConfig({}));
  const read = [...(await text('src/shared/config.ts')).matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map(([, name]) => name);
  expect(read).toContain('QUEUE_REDIS_URL');
  expect(Object.keys(example).sort()).toEqual(read.sort());
  const readme = await text('README.md');
  for (const name of read) expect(readme, `${name} in the README`).toContain(`\`${name}\``);
});

test('every npm script that the README names exists', async () => {
  const { scripts } = JSON.parse(await text('package.json')) as { scripts: Record<string, string> };
  const named = [...(await text('README.md')).matchAll(/npm (?:run (?:--silent )?([\w-]+)|(test|start))/g)].map(
    ([, a, b]) => a ?? b!,
  );
  expect(new Set(named).size).toBeGreaterThan(3);
  for (const name of named) expect(scripts).toHaveProperty(name);
});

test('every test that docs/defects.md names exists, for all of the 40 defects and 12 hazards', async () => {
  const rows = [...(await text('docs/defects.md')).matchAll(/^\| (H?\d+) \| .+ \| (.+) \|$/gm)];
  expect(rows.map(([, number]) => number)).toEqual([
    ...Array.from({ length: 40 }, (_, i) => `${i + 1}`),
    ...Array.from({ length: 12 }, (_, i) => `H${i + 1}`),
  ]);
  for (const [, number, tests] of rows) {
    for (const entry of tests!.split('<br>')) {
      const [, file, words] = /^`([\w-]+)`: (.+)$/.exec(entry)!;
      expect(await text(`test/${file}.test.ts`), `${number}: ${entry}`).toContain(words);
    }
  }
});

test('the Chinese README keeps step with the English one: the same commands, variables, fields, codes and headings', async () => {
  const [english, chinese] = await Promise.all([text('README.md'), text('README.zh-CN.md')]);
  const skeleton = (readme: string) => ({
    headings: [...readme.matchAll(/^#+ /gm)].map(String),
    commands: [...readme.matchAll(/```bash\n(.+?)```/gs)].map(([, block]) => block!.replace(/ *#.*$/gm, '')),
    rows: [...readme.matchAll(/^\| (`.+?) \|/gm)].map(([, cell]) => cell!.match(/`[^`]+`/g)),
    codes: readme.match(/(?<=`)[a-z]+(_[a-z]+)+(?=`)/g)?.sort(),
  });
  expect(skeleton(chinese)).toEqual(skeleton(english));
});

describe('the Procfile runner', () => {
  const types = new Map([
    ['api', 'node api.js'],
    ['worker', 'node worker.js'],
  ]);

  test('runs one of each unless it is told how many, and gives several of a kind numbers', () => {
    const names = (args: string[]) =>
      processesOf(types, parseArguments(args, types.keys()).counts, '8000').map((p) => p.name);
    expect(names([])).toEqual(['api', 'worker']);
    expect(names(['worker=3'])).toEqual(['api', 'worker.1', 'worker.2', 'worker.3']);
    expect(names(['api=0', 'worker=1'])).toEqual(['worker']);
  });

  test.each([
    [['worker=x'], 'Cannot read "worker=x"'],
    [['scheduler=1'], 'The Procfile has no "scheduler"; it has api, worker.'],
    [['api=2'], '2 API processes cannot share port 8000.'],
    [['worker=1000'], 'too many'],
    [['api=0', 'worker=0'], 'Nothing to start'],
  ])('refuses %j in words', (args, words) => {
    expect(() => processesOf(types, parseArguments(args, types.keys()).counts, '8000')).toThrow(words);
  });

  test('waits longer after each crash, up to half a minute', () => {
    expect([1, 2, 3, 4, 5, 6, 50].map(restartDelayMs)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  test('starts a crashed process again and lets the others be; on SIGTERM all end and it exits 0', async () => {
    const cwd = await procfile({
      api: `console.log('up', process.pid); process.on('SIGTERM', () => { console.log('down in order'); process.exit(0); }); setInterval(() => {}, 1000);`,
      worker: `console.log('run'); setTimeout(() => process.exit(1), 50);`,
    });
    const runner = start(cwd, []);
    await runner.until((said) => said.split('worker | run').length > 2 && said.includes('up'));
    expect(runner.said()).toMatch(/^worker \| ended \(1\), starts again in 1 s$/m);
    expect(runner.said().match(/up \d+/g)).toHaveLength(1);
    runner.child.kill('SIGTERM');
    expect(await runner.exit).toBe(0);
    expect(runner.said()).toMatch(/^api {4}\| down in order$/m);
    const api = Number(/up (\d+)/.exec(runner.said())![1]);
    expect(() => process.kill(api, 0)).toThrow('ESRCH');
  });

  test('ends everything with code 2 when a process says that its configuration is wrong', async () => {
    const cwd = await procfile({
      api: `setInterval(() => {}, 1000);`,
      worker: `console.error('PORT: too big'); process.exit(2);`,
    });
    const runner = start(cwd, []);
    expect(await runner.exit).toBe(2);
    expect(runner.said()).toContain('worker | PORT: too big');
  });

  test('exits 2 with a sentence on a wrong argument', async () => {
    const runner = start(root, ['wroker=2']);
    expect(await runner.exit).toBe(2);
    expect(runner.said()).toBe('The Procfile has no "wroker"; it has api, worker.\n');
  });
});

describe('npm run demo', () => {
  test('turns the demo song into an .osz, prints its tempo, and leaves neither process nor file behind', async () => {
    const temp = await folder();
    const out = join(temp, 'made', 'here');
    const { code, said } = await demo(['--out', out], temp);
    expect(said).toMatch(/^Tempo: 128 BPM$/m);
    expect(code).toBe(0);
    const made = await readdir(out);
    expect(made).toHaveLength(1);
    expect(said).toContain(`Saved ${join(out, made[0]!)}`);
    const zip = await readFile(join(out, made[0]!));
    expect(zip.subarray(0, 2).toString()).toBe('PK');
    expect(await readdir(temp)).toEqual(['made']);
  });

  test('exits 1 with the reason when the song is none', async () => {
    const temp = await folder();
    const fake = join(temp, 'fake.mp3');
    await writeFile(fake, 'this is no music');
    const { code, said } = await demo([fake, '--out', temp], temp);
    expect(code).toBe(1);
    expect(said).toContain('.mp3, .wav, .ogg');
    expect(await readdir(temp)).toEqual(['fake.mp3']);
  });

  test('stops its service when it is interrupted', async () => {
    const temp = await folder();
    const child = spawn(process.execPath, [demoProgram, '--out', temp], {
      env: { ...process.env, TMPDIR: temp },
      stdio: 'pipe',
    });
    const exit = once(child, 'exit') as Promise<[number]>;
    await once(child.stdout, 'data');
    await sleep(500);
    child.kill('SIGINT');
    expect((await exit)[0]).toBe(1);
    expect(await readdir(temp)).toEqual([]);
  });
});

test('a redis-server that is not where it is said to be is told in one line', () => {
  vi.stubEnv('REDIS_SERVER_BIN', '/nowhere/redis-server');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(() => findRedis()).toThrow(/^REDIS_SERVER_BIN is \/nowhere\/redis-server, which is no program\.$/);
});

test('the demo song is small enough to ship', async () => {
  expect((await stat(join(root, 'assets/demo-song.ogg'))).size).toBeLessThan(700 * 1024);
});

/** What a Redis started with a compose file's command says of itself. */
async function settingsOf({ command }: ComposeService): Promise<Record<string, string>> {
  expect(command?.[0]).toBe('redis-server');
  const server = await startRedis({ args: command!.slice(1) });
  onTestFinished(server.stop);
  const redis = new Redis(server.url);
  onTestFinished(() => redis.disconnect());
  const pairs = await redis.config('GET', 'maxmemory*', 'append*', 'save');
  return Object.fromEntries(pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]!]] : [])));
}

/** Compose's `${NAME:-default}` as it is with nothing set. */
function resolved(environment: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, `${value}`.replace(/\$\{\w+:-(.*?)\}/g, '$1')]),
  );
}

/** A folder with a Procfile whose processes run these scripts. */
async function procfile(scripts: Record<string, string>): Promise<string> {
  const cwd = await folder();
  await mkdir(join(cwd, 'bin'));
  for (const [name, code] of Object.entries(scripts)) await writeFile(join(cwd, 'bin', `${name}.mjs`), code);
  const lines = Object.keys(scripts).map((name) => `${name}: node bin/${name}.mjs\n`);
  await writeFile(join(cwd, 'Procfile'), lines.join(''));
  return cwd;
}

function start(cwd: string, args: string[]) {
  const env = { ...process.env, FORCE_COLOR: '0' };
  const child = spawn(process.execPath, [startProgram, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGTERM'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  async function until(holds: (said: string) => boolean) {
    while (!holds(output)) await sleep(20);
  }
  const exit = once(child, 'close').then(([code]) => code as number);
  return { child, exit, until, said: () => output };
}

function demo(args: string[], temp: string) {
  return new Promise<{ code: number; said: string }>((resolve) => {
    const env = { ...process.env, TMPDIR: temp };
    const child = execFile(process.execPath, [demoProgram, ...args], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr });
    });
  });
}
