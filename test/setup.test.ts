import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseEnv } from 'dotenv';
import { expect, onTestFinished, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { isWithin, needs } from '../src/cli/check-python.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = (name: string) => readFile(join(root, name), 'utf8');

/** The script as an operator runs it, in this repository or in a copy of its own. */
function setup(args: string[], env: Record<string, string> = {}, repository = root) {
  const environment = { PATH: process.env['PATH'] ?? '', ...env };
  const script = join(repository, 'scripts', 'setup-mapperatorinator.sh');
  return new Promise<{ code: number; said: string }>((resolve) => {
    const child = execFile('bash', [script, ...args], { env: environment }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });
}

async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'setup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('the setup says how it is called, and refuses what it cannot read', async () => {
  expect(await setup(['--help'])).toMatchObject({
    code: 0,
    said: expect.stringContaining('--torch cuda|cpu') as string,
  });
  expect((await setup(['--gpu'])).said).toContain('Cannot read "--gpu".');
  expect(await setup(['--torch', 'rocm'])).toMatchObject({ code: 1 });
  expect(await setup(['--models'])).toMatchObject({ code: 1, said: '--models needs a value.\n' });
});

test('the setup refuses a Python that the packages do not have builds for, before it makes anything', async () => {
  const folder = await temporaryFolder();
  const python = join(folder, 'python');
  await writeFile(python, '#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.1\nexit 1\n');
  await chmod(python, 0o755);
  const { code, said } = await setup(['--dir', join(folder, 'here')], { PYTHON: python });
  expect([code, said]).toEqual([1, expect.stringContaining('is Python 3.9.1')]);
  await expect(readFile(join(folder, 'here'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('the setup writes its lines into .env, keeps what somebody has chosen, and changes nothing when it runs again', async () => {
  const repository = await temporaryFolder();
  await cp(join(root, 'scripts'), join(repository, 'scripts'), { recursive: true });
  await cp(join(root, '.env.example'), join(repository, '.env.example'));
  await writeFile(join(repository, 'package.json'), '{"scripts":{"doctor":"echo the doctor was here"}}');
  // A checkout at the right commit and an environment that has all: what is left to do is .env.
  const script = await text('scripts/setup-mapperatorinator.sh');
  const git = join(repository, 'mapperatorinator', 'checkout', '.git');
  for (const folder of ['refs', 'objects']) await mkdir(join(git, folder), { recursive: true });
  await writeFile(join(git, 'HEAD'), `${/^commit=([0-9a-f]{40})$/m.exec(script)![1]}\n`);
  const bin = join(repository, 'mapperatorinator', 'venv', 'bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'python'), '#!/bin/sh\nexit 0\n');
  await chmod(join(bin, 'python'), 0o755);

  const fresh = await setup(['--models', 'none', '--torch', 'cpu'], {}, repository);
  expect([fresh.code, fresh.said]).toEqual([0, expect.stringMatching(/HF_HOME=.+\/mapperatorinator\/huggingface\n/)]);
  await rm(join(repository, '.env'));
  const first = await setup(['--models', 'none', '--torch', 'cpu'], { HF_HOME: '/weights & more' }, repository);
  expect([first.code, first.said]).toEqual([0, expect.stringMatching(/the doctor was here\n$/)]);
  const env = join(repository, '.env');
  const written = await readFile(env, 'utf8');
  const folder = join(repository, 'mapperatorinator');
  expect(parseEnv(written)).toEqual({
    ...parseEnv(await text('.env.example')),
    MAPPERATORINATOR_HOME: join(folder, 'checkout'),
    PYTHON: join(folder, 'venv', 'bin', 'python'),
    HF_HOME: '/weights & more',
  });
  expect(written.match(/^#/gm)).toEqual((await text('.env.example')).match(/^#/gm));
  expect((await setup(['--models', 'none'], {}, repository)).said).toContain('HF_HOME=/weights & more (as it was)');
  expect(await readFile(env, 'utf8')).toBe(written);

  await writeFile(env, written.replace(/^PYTHON=.*$/m, 'PYTHON=/my/own/python').replace(/^HF_HOME=.*\n/m, ''));
  await chmod(env, 0o600);
  expect((await setup(['--models', 'none'], { HF_HOME: '/weights' }, repository)).said).toContain(
    '/my/own/python stays',
  );
  expect(parseEnv(await readFile(env, 'utf8'))).toMatchObject({ PYTHON: '/my/own/python', HF_HOME: '/weights' });
  expect((await stat(env)).mode & 0o777).toBe(0o600);
});

test('what is pinned is what the doctor takes for right, and nothing that it needs is left out', async () => {
  const lines = (await text('scripts/mapperatorinator-requirements.txt')).split('\n');
  const pins = lines.flatMap((line) => {
    const [, name, version] = /^([\w-]+)==([\d.]+)/.exec(line) ?? [];
    return name && version ? [[name, version] as const] : [];
  });
  expect(pins.length).toBeGreaterThan(15);
  // Of the checkout or made by the setup: modules that are only imported. flash-attn is compiled on the host, for those who want it.
  const notPinned = ['wandb', 'datasets', 'slider', 'flash-attn'];
  for (const { name, from, below } of needs) {
    const versions = pins.filter(([pinned]) => pinned === name).map(([, version]) => version);
    expect(versions.length > 0, name).toBe(!notPinned.includes(name));
    for (const version of versions) expect(isWithin(version, from, below), `${name} ${version}`).toBe(true);
  }
  expect(lines).toContainEqual(expect.stringMatching(/^slider @ git\+https:.+@[0-9a-f]{40}$/));
});

test('the GPU image is made of the same pins, and its worker has every GPU, no way out and nothing to write but its data', async () => {
  expect(await text('Dockerfile')).toContain('COPY --from=build /app/scripts/mapperatorinator-requirements.txt');
  const { services } = parseYaml(await text('docker-compose.yaml'), { merge: true }) as {
    services: Record<string, { networks: string[]; volumes: string[]; deploy: object; environment: object }>;
  };
  const worker = services['worker-gpu']!;
  expect(worker.networks).toEqual(['back']);
  expect(worker.volumes.filter((mount) => !mount.endsWith(':ro'))).toEqual(['data:/data']);
  expect(worker.deploy).toMatchObject({ resources: { reservations: { devices: [{ count: 'all' }] } } });
  expect(worker.environment).toHaveProperty('CUDA_VISIBLE_DEVICES', '${CUDA_VISIBLE_DEVICES:-}');
});
