import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { isWithin, needs } from '../src/cli/check-python.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = (name: string) => readFile(join(root, name), 'utf8');

/** The script as an operator runs it; it must end before it has made anything. */
function setup(args: string[], env: Record<string, string> = {}) {
  const environment = { PATH: process.env['PATH'] ?? '', ...env };
  const script = join(root, 'scripts', 'setup-mapperatorinator.sh');
  return new Promise<{ code: number; said: string }>((resolve) => {
    const child = execFile('bash', [script, ...args], { env: environment }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });
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
  const folder = await mkdtemp(join(tmpdir(), 'setup-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const python = join(folder, 'python');
  await writeFile(python, '#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.1\nexit 1\n');
  await chmod(python, 0o755);
  const { code, said } = await setup(['--dir', join(folder, 'here')], { PYTHON: python });
  expect([code, said]).toEqual([1, expect.stringContaining('is Python 3.9.1')]);
  await expect(readFile(join(folder, 'here'))).rejects.toMatchObject({ code: 'ENOENT' });
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
