import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));

interface Source {
  file: string;
  text: string;
  imports: string[];
}

const sources: Source[] = await Promise.all(
  (await readdir(root, { recursive: true }))
    .filter((file) => /\.tsx?$/.test(file))
    .map(async (file) => {
      const text = await readFile(join(root, file), 'utf8');
      const imports = [...text.matchAll(/\bfrom '([^']+)'/g)].map(([, name]) =>
        name!.startsWith('.') ? relative(root, resolve(root, dirname(file), name!)) : name!,
      );
      return { file, text, imports };
    }),
);
const inFolder = (folder: string) => sources.filter(({ file }) => file.startsWith(`${folder}/`));

/** The files that import something outside of what they may. */
const strays = (folder: string, allowed: RegExp) =>
  inFolder(folder).flatMap(({ file, imports }) =>
    imports
      .filter((name) => /^(api|worker|cli|shared|web)\//.test(name) && !allowed.test(name))
      .map((name) => `${file} → ${name}`),
  );

test('shared knows nothing of api, worker or cli', () => {
  expect(strays('shared', /^shared\//)).toEqual([]);
});

test('api and worker meet only in shared', () => {
  expect(strays('api', /^(api|shared)\//)).toEqual([]);
  expect(strays('worker', /^(worker|shared)\//)).toEqual([]);
});

test('cli uses shared, and everything else only as programs', () => {
  expect(strays('cli', /^(cli|shared)\//)).toEqual([]);
});

test('the page knows of the service what is in shared, and only its types', () => {
  expect(strays('web', /^(web|shared)\//)).toEqual([]);
  const values = inFolder('web').filter(({ text }) => /^import (?!type\b).* from '[^']*\/shared\//m.test(text));
  expect(values.map(({ file }) => file)).toEqual([]);
});

test('only a main, the config and the commands touch the process', () => {
  const touching = sources.filter(({ text }) => /\bprocess\.(env|on|once|exit)\b/.test(text)).map(({ file }) => file);
  expect(touching.filter((file) => !/(^|\/)main\.ts$|^shared\/config\.ts$|^cli\//.test(file))).toEqual([]);
});

test.each([
  ['express', /^api\//],
  ['chokidar', /^api\/watcher\.ts$/],
  ['node:child_process', /^shared\/process\.ts$/],
  ['bullmq', /^shared\/queue\.ts$/],
  ['concurrently', /^cli\//],
])('%s has one home', (name, home) => {
  const users = sources.filter(({ imports }) => imports.includes(name)).map(({ file }) => file);
  expect(users.length).toBeGreaterThan(0);
  expect(users.filter((file) => !home.test(file))).toEqual([]);
});

test('Redis connections are made in one module', () => {
  const makers = sources.filter(({ text }) => /\bnew Redis\(/.test(text)).map(({ file }) => file);
  expect(makers).toEqual(['shared/redis.ts']);
});

test('KEYS is never sent to Redis', () => {
  expect(sources.filter(({ text }) => /\.keys\(['"`]/.test(text)).map(({ file }) => file)).toEqual([]);
});
