import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import en from '../src/web/text/en.ts';
import { remarks } from '../src/web/text/zh-remarks.ts';
import zh from '../src/web/text/zh.ts';

const root = fileURLToPath(new URL('../src', import.meta.url));

async function textOf(...folders: string[]): Promise<string> {
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true }))
        .filter((file) => file.endsWith('.ts'))
        .map((file) => readFile(join(root, folder, file), 'utf8')),
    ),
  );
  return (await Promise.all(files.flat())).join('\n');
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

/** The codes of `problems.ts`, by the table's own lines. */
async function problemCodes(): Promise<string[]> {
  const text = await readFile(join(root, 'shared/problems.ts'), 'utf8');
  return matches(text.slice(0, text.indexOf('as const')), /^ {2}(\w+): \d{3},$/gm);
}

/** The codes that a job's outcome can have: each place that writes one writes it as a literal. */
async function jobErrorCodes(): Promise<string[]> {
  const worker = await textOf('worker');
  const handover = await readFile(join(root, 'api/handover.ts'), 'utf8');
  const failure = await readFile(join(root, 'worker/engines/mapperatorinator/failure.ts'), 'utf8');
  return [
    ...matches(`${worker}\n${handover}`, /\bcode: '(\w+)'/g),
    ...matches(worker, /new GenerateError\(\s*'(\w+)'/g),
    ...matches(failure, /^\s+'([a-z]+_[a-z_]+)',/gm),
    ...matches(failure, /\/i?,\s*'([a-z_]+)',/g),
    ...matches(worker, /^ {2}(\w+): \(\{ \w+ \}: RunLimits\)/gm),
    ...['cancelled', 'timed_out', 'expired'], // jobs without an error of their own
  ];
}

test('every problem of the API and every reason why a job fails has words in both languages', async () => {
  const codes = [...new Set([...(await problemCodes()), ...(await jobErrorCodes())])];
  expect(codes).toEqual(
    expect.arrayContaining(['job_not_found', 'no_beat_found', 'model_oom', 'run_timeout', 'queue_timeout']),
  );
  expect(codes.length).toBeGreaterThan(40);
  for (const { problems } of [zh, en]) {
    const known: Record<string, { what: string; todo: string } | undefined> = problems;
    expect(codes.filter((code) => !known[code]?.what || !known[code]?.todo)).toEqual([]);
  }
});

test('the stages that engines name and the words of a field problem are known in both languages', async () => {
  const stages = matches(await textOf('worker'), /\bstage: '(\w+)'/g);
  const fieldCodes = [
    ...matches(await textOf('api', 'shared'), /refuse\(\s*(?:'\w+'|field), '(\w+)'/g),
    ...matches(await textOf('shared'), /return \{ code: '(\w+)', detail/g),
  ].filter((code) => !/^must|^cannot/.test(code));
  expect(stages).toContain('generating_map');
  expect(fieldCodes).toContain('beatmap_required');
  for (const words of [zh, en]) {
    expect(stages.filter((stage) => !(stage in words.stages))).toEqual([]);
    expect(fieldCodes.filter((code) => !(code in words.fieldProblems))).toEqual([]);
  }
});

test('nothing in the Chinese dictionary is left in English, and the other way round', () => {
  const chinese = /\p{Script=Han}/u;
  for (const { what, todo } of Object.values(zh.problems)) expect(what + todo).toMatch(chinese);
  for (const { what, todo } of Object.values(en.problems)) expect(what + todo).not.toMatch(chinese);
  for (const label of Object.values(en.fields)) expect(label).not.toMatch(chinese);
});

test('each remark that has Chinese words is one that the service makes', async () => {
  const source = await textOf('worker', 'api', 'shared');
  /** Three words in a row that stand in the source, for parts of a sentence are put together there. */
  const isMade = (sentence: RegExp) => {
    const all = sentence.source.replaceAll(/[\\^$]/g, '').split(' ');
    return all.some((_, i) => i >= 2 && source.includes(all.slice(i - 2, i + 1).join(' ')));
  };
  expect(remarks.filter(([sentence]) => !isMade(sentence))).toEqual([]);
  expect(isMade(/^Nobody ever said this\.$/)).toBe(false);
  expect(zh.remark('The built-in generator makes no use of: top_k.').text).toBe('内置生成器用不到这些设置：top_k。');
  expect(zh.remark('Something new.')).toEqual({ text: 'Something new.', lang: 'en' });
});
