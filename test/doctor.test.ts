import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../src/cli/free-port.ts';
import { startRedis } from './redis-server.ts';
import { startService, withFixtureModel } from './service.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'dist', 'cli', 'doctor.js');
const fixtures = join(root, 'test', 'fixtures', 'mapperatorinator');

interface Finding {
  check: string;
  status: 'ok' | 'warning' | 'problem';
  code: string | null;
  detail: string;
  remedy: string | null;
}

async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Host {
  env?: Record<string, string>;
  args?: string[];
  cwd?: string;
  wrapper?: string[];
}

/** The command as an operator runs it, in an empty folder unless one is given, and without Redis unless the test has one. */
async function doctor({ env = {}, args = ['--json'], cwd, wrapper = [] }: Host = {}) {
  const folder = cwd ?? (await temporaryFolder());
  const environment = { PATH: process.env['PATH'] ?? '', PORT: '0', REDIS_HOST: 'none', ...env };
  const [file = '', ...rest] = [...wrapper, process.execPath, program, ...args];
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(file, rest, { cwd: folder, env: environment, timeout: 30_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
  const findings = stdout.startsWith('{') ? (JSON.parse(stdout) as { findings: Finding[] }).findings : [];
  return {
    code,
    stdout,
    stderr,
    folder,
    findings,
    of: (check: string) => findings.find((finding) => finding.check === check),
    problems: findings.filter(({ status }) => status === 'problem').map(({ code }) => code),
  };
}

describe('on a bare machine', () => {
  test('nothing is a problem: the built-in generator works, and it is said how to get more', async () => {
    const bin = await temporaryFolder(); // neither Python nor ffmpeg
    const port = await freePort();
    const { code, of, problems, folder } = await doctor({ env: { PATH: bin, REDIS_HOST: '', REDIS_PORT: `${port}` } });
    expect([code, problems]).toEqual([0, []]);
    expect(of('engine')).toMatchObject({ status: 'ok', detail: expect.stringContaining('built-in') as string });
    expect(of('engine')?.remedy).toMatch(/install Python 3\.10.+setup-mapperatorinator\.sh/);
    expect(of('ffmpeg')).toMatchObject({ status: 'warning', code: 'no_m4a' });
    expect(of('queue Redis')).toMatchObject({ status: 'warning', code: 'redis_unreachable' });
    expect(of('queue Redis')?.detail).toContain('ECONNREFUSED');
    expect(await readdir(folder)).toEqual([]);
  });

  test('it is one line for each thing, with what to do, and a count', async () => {
    const { code, stdout } = await doctor({ args: [], env: { CUDA_VISIBLE_DEVICES: '-1', HOST: '0.0.0.0' } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}Node {10}v\d+/m);
    expect(stdout).toMatch(/^warning {2}port +open_to_all: .+ → Set API_KEYS/m);
    expect(stdout).toMatch(/\n\n0 problems, \d warnings?\.\n$/);
    expect(stdout).not.toContain('\u001b');
  });

  test('an option that it does not know is a mistake, with the usage', async () => {
    const { code, stderr } = await doctor({ args: ['--fix'] });
    expect(code).toBe(2);
    expect(stderr).toContain('npm run doctor');
  });
});

describe('the settings', () => {
  test('that are wrong are named one by one, without secrets, and the rest is looked at', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, '.env'), 'MAX_UPLOAD_MB=huge\nADMIN_KEY=hushhush\nMAPPERATORINATOR_HME=/srv\n');
    const { code, findings, of, stdout } = await doctor({ cwd });
    expect(code).toBe(1);
    const wrong = findings.filter(({ code }) => code === 'configuration_invalid').map(({ detail }) => detail);
    expect(wrong).toEqual([
      expect.stringContaining('MAX_UPLOAD_MB: must be a whole number') as string,
      expect.stringContaining('ADMIN_KEY: ') as string,
    ]);
    expect(stdout).not.toContain('hushhush');
    expect(of('.env')).toMatchObject({ status: 'warning', code: 'unknown_variable' });
    expect(of('.env')?.detail).toContain('MAPPERATORINATOR_HME');
    expect(of('data folder')?.status).toBe('ok');
  });
});

describe('the disk', () => {
  const inNamespace = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'];

  test('that has no room for an upload is a problem', async () => {
    const DATA_DIR = await temporaryFolder();
    const mount = 'mount -t tmpfs -o size=3m tmpfs "$DATA_DIR" && exec "$@"';
    const { of, code } = await doctor({ env: { DATA_DIR }, wrapper: [...inNamespace, mount, 'sh'] });
    expect(code).toBe(1);
    expect(of('data folder')).toMatchObject({ status: 'problem', code: 'storage_full' });
  });

  test('that is read-only is a problem', async () => {
    const DATA_DIR = await temporaryFolder();
    const mount = 'mount -t tmpfs tmpfs "$DATA_DIR" && mount -o remount,ro "$DATA_DIR" && exec "$@"';
    const { of } = await doctor({ env: { DATA_DIR, MAX_UPLOAD_MB: '1' }, wrapper: [...inNamespace, mount, 'sh'] });
    expect(of('data folder')).toMatchObject({ status: 'problem', code: 'storage_unwritable' });
    expect(of('data folder')?.detail).toContain('EROFS');
  });

  test('where a file is in the way of the data folder is a problem', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'data'), '');
    const { of } = await doctor({ env: { DATA_DIR: join(folder, 'data', 'jobs') } });
    expect(of('data folder')).toMatchObject({ status: 'problem', code: 'storage_unwritable' });
  });
});

describe('the port', () => {
  test('that another program has is a problem', async () => {
    const other = createServer((socket) => socket.end('not HTTP')).listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    const { of } = await doctor({ env: { PORT: `${(other.address() as AddressInfo).port}` } });
    expect(of('port')).toMatchObject({ status: 'problem', code: 'port_taken' });
  });

  test('that this service has already is fine, and its readiness is told', async () => {
    const service = await startService({ redisUrl: null });
    const { of } = await doctor({ env: { PORT: new URL(service.url).port } });
    expect(of('port')?.detail).toMatch(/The API of this service answers at .+ ready/);
    expect(of('port')?.status).not.toBe('problem');
  });

  test('of an address that is not of this machine is a problem', async () => {
    const { of } = await doctor({ env: { HOST: '192.0.2.1', PORT: `${await freePort()}` } });
    expect(of('port')).toMatchObject({ status: 'problem', code: 'host_unknown' });
  });
});

describe('Redis', () => {
  async function redisWith(...args: string[]) {
    const redis = await startRedis({ args });
    onTestFinished(() => redis.stop());
    return { redis, env: { REDIS_HOST: '127.0.0.1', REDIS_PORT: `${redis.port}` } };
  }

  test('that evicts is a problem for the queue and right for the cache', async () => {
    const { env } = await redisWith('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const { of, problems, code } = await doctor({ env });
    expect([code, problems]).toEqual([1, ['redis_evicts']]);
    expect(of('queue Redis')?.remedy).toContain('noeviction');
    expect(of('cache Redis')).toMatchObject({ status: 'ok' });
  });

  test('that keeps all and writes it down is fine; one that forgets is a warning', async () => {
    const durable = await redisWith('--appendonly', 'yes');
    expect((await doctor(durable)).of('queue Redis')).toMatchObject({ status: 'ok' });
    const { env } = await redisWith();
    expect((await doctor({ env })).of('queue Redis')).toMatchObject({ status: 'warning', code: 'redis_not_durable' });
  });

  test('that wants another password is a problem, and no password is shown', async () => {
    const { env } = await redisWith('--requirepass', 'the-right-password');
    const wrong = await doctor({ env: { ...env, REDIS_PASSWORD: 'the-wrong-password' } });
    expect(wrong.problems).toEqual(['redis_refuses', 'redis_refuses']);
    expect(wrong.stdout).not.toMatch(/the-(right|wrong)-password/);
    const url = `redis://:the-right-password@127.0.0.1:${env.REDIS_PORT}/0`;
    const half = await doctor({ env: { ...env, QUEUE_REDIS_URL: url } });
    expect(half.problems).toEqual(['redis_refuses']);
    expect(half.of('queue Redis')?.status).not.toBe('problem');
    expect(half.stdout).not.toContain('the-right-password');
  });

  test('that has no such database, takes no writes, is gone or hangs is a problem, in seconds', async () => {
    const { redis, env } = await redisWith('--databases', '1');
    expect((await doctor({ env })).of('cache Redis')).toMatchObject({ status: 'problem', code: 'redis_database' });
    const replica = await redisWith('--replicaof', '127.0.0.1', `${redis.port}`);
    expect((await doctor(replica)).problems).toContain('redis_read_only');
    redis.freeze();
    const began = Date.now();
    expect((await doctor({ env })).problems).toEqual(['redis_unreachable', 'redis_unreachable']);
    expect(Date.now() - began).toBeLessThan(8_000);
    await redis.kill();
    expect((await doctor({ env })).of('queue Redis')).toMatchObject({ status: 'problem', code: 'redis_unreachable' });
  });
});

const packages = {
  python: { version: '3.11.7', executable: '/venv/bin/python' },
  packages: {
    torch: '2.10.0+cu128',
    torchaudio: '2.10.0+cu128',
    nnAudio: '0.3.4',
    transformers: '4.57.6',
    tokenizers: '0.22.2',
    'huggingface-hub': '0.36.2',
    accelerate: '1.12.0',
    'hydra-core': '1.3.2',
    omegaconf: '2.3.1',
    numpy: '2.2.6',
    scipy: '1.16.3',
    pandas: '2.3.3',
    einops: '0.8.1',
    safetensors: '0.8.0',
    packaging: '26.0',
    psutil: '7.2.2',
    tqdm: '4.67.1',
    pydub: '0.25.1',
    wandb: 'stub',
    datasets: 'stub',
    slider: '0.8.2',
    peft: '0.18.1',
  } as Record<string, string | null>,
  slider_is_fork: true,
  runner: [] as string[],
};
const h100 = {
  torch: '2.10.0+cu128',
  gpu_build: 'CUDA 12.8',
  mps: false,
  nvidia: { driver: '570.86.15', openable: true },
  devices: 1,
  name: 'NVIDIA H100',
  total_bytes: 85_000_000_000,
  free_bytes: 84_000_000_000,
  error: null as string | null,
  torchaudio_error: null as string | null,
};
const noGpu = { ...h100, devices: 0, name: null, total_bytes: null, free_bytes: null };

/** A checkout whose Python says what a test has it say. */
async function checkoutWith({ answers = packages, device = {} } = {}) {
  const home = join(await temporaryFolder(), 'checkout');
  await cp(join(fixtures, 'home'), home, { recursive: true });
  await writeFile(join(home, 'probe.json'), JSON.stringify({ packages: answers, device }));
  const env = { ...withFixtureModel, MAPPERATORINATOR_HOME: home, PYTHON: join(fixtures, 'probe-python.mjs') };
  return { home, env };
}

describe('Mapperatorinator', () => {
  test('that is complete is fine in every line', async () => {
    const { env, home } = await checkoutWith({ device: { '': h100 } });
    await mkdir(join(home, '.git'));
    await writeFile(join(home, '.git', 'HEAD'), 'ref: refs/heads/main\n');
    await writeFile(join(home, '.git', 'packed-refs'), `# pack-refs\n${'3b7c69a'.padEnd(40, '0')} refs/heads/main\n`);
    const { code, findings, of } = await doctor({ env });
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(code).toBe(0);
    expect(of('checkout')?.detail).toMatch(/version 3b7c69a\.$/);
    expect(of('models')?.detail).toBe('Ready: v30, v32.');
    expect(of('device')?.detail).toBe('NVIDIA H100, 79.2 GiB (78.2 GiB free), CUDA 12.8, driver 570.86.15.');
  });

  test('is missed where it is asked for: no folder named, and a folder that is no checkout', async () => {
    const unnamed = await doctor({ env: { ENGINE: 'mapperatorinator' } });
    expect(unnamed.problems).toEqual(['engine_unavailable']);
    const empty = await doctor({ env: { MAPPERATORINATOR_HOME: await temporaryFolder(), PYTHON: '/nowhere/python' } });
    expect(empty.of('checkout')).toMatchObject({ status: 'problem', code: 'engine_unavailable' });
    expect(empty.of('Python')).toMatchObject({ status: 'problem', code: 'engine_unavailable' });
  });

  test.each([
    ['torch', null, 'torch is missing'],
    ['transformers', '4.53.3', 'transformers is 4.53.3 and must be 4.57.3 or newer, below 5'],
    ['huggingface-hub', '1.2.0', 'huggingface-hub is 1.2.0'],
    ['omegaconf', '2.10.0', 'omegaconf is 2.10.0'],
    ['wandb', null, 'wandb is missing'],
  ])('has a problem with %s %s', async (name, version, words) => {
    const answers = { ...packages, packages: { ...packages.packages, [name]: version } };
    const { env } = await checkoutWith({ answers, device: { '': h100 } });
    const { of } = await doctor({ env });
    expect(of('packages')).toMatchObject({ status: 'problem', code: 'engine_unavailable' });
    expect(of('packages')?.detail).toContain(words);
  });

  test('has a problem with the slider of PyPI, an old Python, and a checkout that the warm runner cannot drive', async () => {
    const device = { '': h100 };
    const pypi = await checkoutWith({ answers: { ...packages, slider_is_fork: false }, device });
    expect((await doctor(pypi)).of('packages')?.detail).toContain('slider is not the fork');
    const old = await checkoutWith({ answers: { ...packages, python: { version: '3.9.2', executable: 'x' } }, device });
    expect((await doctor(old)).of('Python')).toMatchObject({ status: 'problem', code: 'engine_unavailable' });
    const other = await checkoutWith({ answers: { ...packages, runner: ['generate(logger)'] }, device });
    expect((await doctor(other)).of('warm runner')).toMatchObject({ status: 'warning' });
    const newest = { ...packages, python: { version: '3.13.1', executable: 'x' } };
    expect((await doctor(await checkoutWith({ answers: newest, device }))).of('packages')?.detail).toContain(
      'audioop-lts is missing',
    );
  });

  test('says which models are broken, and that none is there', async () => {
    const { env, home } = await checkoutWith({ device: { '': h100 } });
    const HF_HOME = join(dirname(home), 'hf');
    expect((await doctor({ env: { ...env, HF_HOME } })).of('models')).toMatchObject({
      status: 'problem',
      code: 'model_missing',
      remedy: expect.stringContaining('--models v32') as string,
    });
    await cp(join(fixtures, 'huggingface'), HF_HOME, { recursive: true });
    const snapshot = join(HF_HOME, 'hub', 'models--OliBomby--Mapperatorinator-v30', 'snapshots', '30'.repeat(20));
    await rm(join(snapshot, 'model.safetensors'));
    const { findings } = await doctor({ env: { ...env, HF_HOME } });
    const models = findings.filter(({ check }) => check === 'models');
    expect(models.map(({ status }) => status)).toEqual(['ok', 'problem']);
    expect(models[1]?.detail).toContain('model.safetensors is missing');
  });

  test('says which LoRAs can be used', async () => {
    const LORA_DIR = await temporaryFolder();
    const { env } = await checkoutWith({ device: { '': h100 } });
    await mkdir(join(LORA_DIR, 'jumps'));
    const withLoras = { env: { ...env, LORA_DIR } };
    expect((await doctor(withLoras)).of('LoRAs')).toMatchObject({ status: 'warning', code: 'lora_incomplete' });
    await writeFile(join(LORA_DIR, 'jumps', 'adapter_config.json'), '{}');
    expect((await doctor(withLoras)).of('LoRAs')).toMatchObject({ status: 'ok', detail: 'jumps.' });
    const missing = await doctor({ env: { ...env, LORA_DIR: join(LORA_DIR, 'nowhere') } });
    expect(missing.of('LoRAs')).toMatchObject({ status: 'problem' });
  });
});

describe('the device', () => {
  const cpuBuild = { ...noGpu, torch: '2.10.0+cpu', gpu_build: null };
  const tooOld = 'RuntimeError: The NVIDIA driver on your system is too old (found version 11040)';
  const noKernels = 'AcceleratorError: CUDA error: no kernel image is available for execution on the device';

  test.each<[string, string | undefined, object, string, RegExp]>([
    ['a CPU build beside an NVIDIA card', undefined, cpuBuild, 'problem', /silently.+CPU build/],
    ['a driver that is too old', '0', { ...noGpu, error: tooOld }, 'problem', /driver is too old/],
    ['a GPU too old for this torch', '0', { ...h100, error: noKernels }, 'problem', /no code for a GPU/],
    [
      'a GPU that is not there',
      '7',
      { ...noGpu, error: 'RuntimeError: No CUDA GPUs are available' },
      'problem',
      /No CUDA/,
    ],
    ['a container without the driver', '0', { ...noGpu, nvidia: null }, 'problem', /no NVIDIA driver/],
    [
      'a device file of others',
      '0',
      { ...noGpu, nvidia: { driver: '1.0', openable: false } },
      'problem',
      /may not open/,
    ],
    [
      'torch that cannot be imported',
      '0',
      { ...noGpu, torch: null, error: 'ImportError: libcudart' },
      'problem',
      /libcudart/,
    ],
    ['no GPU at all', undefined, { ...cpuBuild, nvidia: null }, 'warning', /runs on the CPU/],
    ['the CPU on purpose', '-1', cpuBuild, 'ok', /on purpose/],
    ['a Mac', undefined, { ...cpuBuild, nvidia: null, mps: true }, 'ok', /MPS/],
    ['a GPU with too little memory', '0', { ...h100, free_bytes: 2_000_000_000 }, 'warning', /1\.9 GiB free/],
  ])('%s', async (_name, cuda, facts, status, words) => {
    const { env } = await checkoutWith({ device: { [cuda ?? '']: facts } });
    const { findings } = await doctor({
      env: { ...env, ...(cuda === undefined ? {} : { CUDA_VISIBLE_DEVICES: cuda }) },
    });
    const found = findings.find(({ check }) => check === 'device' || check.startsWith('GPU'));
    expect(found?.status).toBe(status);
    expect(found?.detail).toMatch(words);
    if (status === 'problem') expect(found?.code).toMatch(/^(device|engine)_unavailable$/);
  });

  test('is told for each slot, and how many share one', async () => {
    const { env } = await checkoutWith({ device: { 0: h100, 1: { ...noGpu, error: 'RuntimeError: No CUDA GPUs' } } });
    const { of } = await doctor({ env: { ...env, CUDA_VISIBLE_DEVICES: '0,1,0' } });
    expect(of('GPU 0')).toMatchObject({ status: 'ok', detail: expect.stringContaining('2 slots share it') as string });
    expect(of('GPU 1')).toMatchObject({ status: 'problem', code: 'device_unavailable' });
  });
});

describe('probe.py', () => {
  const probe = join(root, 'src', 'worker', 'engines', 'mapperatorinator', 'probe.py');

  /** A checkout with the real probe and the system's own Python, which has none of the packages but those that the test makes. */
  async function realPython(files: Record<string, string>, environment: Record<string, string> = {}) {
    const home = await temporaryFolder();
    await cp(join(fixtures, 'home'), home, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(home, path)), { recursive: true });
      await writeFile(join(home, path), text);
    }
    const python = join(await temporaryFolder(), 'python');
    await writeFile(python, '#!/bin/sh\nexec python3 -S "$@"\n');
    await chmod(python, 0o755);
    return doctor({ env: { ...withFixtureModel, MAPPERATORINATOR_HOME: home, PYTHON: python, ...environment } });
  }

  test('names what is missing, and takes an empty module and a folder for those that are only imported', async () => {
    const { of } = await realPython({ 'wandb.py': '', 'datasets/list.csv': '' });
    expect(of('Python')?.status).toBe('ok');
    expect(of('packages')?.detail).toMatch(/torch is missing.+slider is missing/);
    expect(of('packages')?.detail).not.toMatch(/wandb|datasets/);
  });

  test('survives a torch that cannot be imported, and one that ends the process', async () => {
    const broken = await realPython({ 'torch.py': 'raise ImportError("libcudart.so.12: cannot open")' });
    expect(broken.of('device')?.detail).toContain('libcudart.so.12');
    const ended = await realPython({ 'torch.py': 'import os; os._exit(3)' });
    expect(ended.of('device')).toMatchObject({ status: 'problem', code: 'device_unavailable' });
  });

  test('tells a CPU build of torch where a GPU is listed', async () => {
    const torch = [
      'from types import SimpleNamespace as N',
      '__version__ = "2.10.0+cpu"',
      'version = N(cuda=None)',
      'backends = N(mps=N(is_available=lambda: False))',
    ].join('\n');
    const { of } = await realPython({ 'torch.py': torch }, { CUDA_VISIBLE_DEVICES: '0' });
    expect(of('GPU 0')).toMatchObject({ status: 'problem', code: 'device_unavailable' });
    expect(of('GPU 0')?.detail).toContain('this torch (2.10.0+cpu) is a CPU build');
  });

  test('compares what runner.py calls with the source of the checkout', async () => {
    const folder = await temporaryFolder();
    await cp(probe, join(folder, 'probe.py'));
    const calls = '{"generate": "model logger", "get_config": "args", "load": "path", "imported": "anything"}';
    await writeFile(join(folder, 'runner.py'), `CALLED = ${calls}\nBARS = ("one", "two.three")\n`);
    const inference = 'from x import imported\ndef generate(args, *, model):\n  pass\ndef get_config(args):\n  pass\n';
    await writeFile(join(folder, 'inference.py'), inference);
    await writeFile(join(folder, 'one.py'), 'from tqdm import tqdm\n');
    const lines = await new Promise<string>((resolve, reject) =>
      execFile('python3', ['-S', 'probe.py', 'packages'], { cwd: folder }, (error, stdout) =>
        error ? reject(new Error(error.message)) : resolve(stdout),
      ),
    );
    const facts = Object.assign(
      {},
      ...lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ) as object;
    expect(facts).toMatchObject({ runner: ['generate(logger)', 'load()', join('two', 'three.py')] });
  });
});
