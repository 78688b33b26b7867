import { mkdirSync, mkdtempSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runProgram } from '../src/shared/process.ts';
import type { Params } from '../src/shared/request.ts';
import { checkResult } from '../src/worker/check.ts';
import {
  coldCommand,
  programDocument,
  runnerCommand,
  type EngineRequest,
} from '../src/worker/engines/mapperatorinator/command.ts';
import { explainFailure } from '../src/worker/engines/mapperatorinator/failure.ts';
import { createMapperatorinatorReader } from '../src/worker/engines/mapperatorinator/progress.ts';

const fixtures = fileURLToPath(new URL('./fixtures/mapperatorinator/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'mapperatorinator-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Given {
  params?: Partial<Params>;
  model?: string;
  audio?: { filename: string; title?: string; artist?: string };
  cuda?: string | null;
  python?: string;
  home?: string;
  reference?: EngineRequest['reference'];
  loraDir?: string | null;
}

function commandFor({
  params = {},
  model = 'v32',
  audio,
  cuda = null,
  python,
  home,
  reference,
  loraDir = null,
}: Given = {}) {
  const request = {
    model,
    audio: audio ?? { filename: 'My song.mp3' },
    params: { gamemode: 0, difficulty: 5, ...params },
    ...(reference ? { reference } : {}),
  };
  const host = {
    loraDir,
    scratch: tmpdir(),
    home: home ?? join(fixtures, 'home'),
    python: python ?? join(fixtures, 'python.mjs'),
    searchPath: process.env['PATH'] ?? '',
    huggingFaceHome: null,
  };
  return {
    command: coldCommand(host, cuda, join(folder, 'request.json')),
    warm: runnerCommand(host, cuda, 'v32'),
    document: programDocument(host, request, {
      audio: join(folder, 'audio.mp3'),
      reference: reference ? join(folder, 'reference.osu') : null,
      out: folder,
    }),
  };
}

describe('what a run is given', () => {
  it('is what was sent, and nothing that was not', () => {
    const { document } = commandFor({ params: { keycount: 7, year: undefined, add_to_beatmap: false } });
    expect(document).toEqual({
      config: 'v32',
      args: {
        gamemode: 0,
        difficulty: 5,
        keycount: 7,
        add_to_beatmap: false,
        title: 'My song',
        tags: '',
        audio_path: join(folder, 'audio.mp3'),
        output_path: folder,
        beatmap_path: '',
        background: '',
        use_server: false,
      },
    });
  });

  it('names the song as sent, else as its tags, else as its file', () => {
    const audio = { filename: 'a.mp3', title: 'Tag title', artist: 'Tag artist' };
    expect(commandFor({ audio }).document.args).toMatchObject({ title: 'Tag title', artist: 'Tag artist' });
    expect(commandFor({ audio, params: { title: 'Sent' } }).document.args).toMatchObject({
      title: 'Sent',
      artist: 'Tag artist',
    });
    expect(commandFor({ audio: { filename: 'no.tags.ogg' } }).document.args['title']).toBe('no.tags');
  });

  it.each(['${oc.env:SECRET}', 'it\'s "quoted", a=b {c} [d]', '\\${oc.env:SECRET}', '~x=1 +y null', '$(id) `id`'])(
    'has the text %s as it is, and nothing of it on the command line',
    (text) => {
      const { command, document } = commandFor({ params: { title: text, descriptors: [text] } });
      expect(document.args['title']).toBe(text);
      expect(document.args['descriptors']).toEqual([text]);
      expect(command.args.map((argument) => argument.split('/').at(-1))).toEqual(['run.py', 'request.json']);
    },
  );

  it('has no line breaks, control characters or halves of a character', () => {
    const title = 'a\r\n[Events]\n\u0000b\u2028c\ud800d 曲😀';
    expect(commandFor({ params: { title, descriptors: ['x\ny'] } }).document.args).toMatchObject({
      title: 'a [Events] b c d 曲😀',
      descriptors: ['x y'],
    });
    expect(commandFor({ audio: { filename: 'a.mp3', title: 'b\nc' } }).document.args['title']).toBe('b c');
  });

  it('is of a beatmap its copy, its timing, and no name of the song', () => {
    const args = commandFor({ reference: { gamemode: 0, objects: 9, previewMs: 5000 } }).document.args;
    expect(args).toMatchObject({ beatmap_path: join(folder, 'reference.osu'), in_context: ['TIMING'], background: '' });
    for (const name of ['title', 'title_unicode', 'artist', 'hitsounded', 'circle_size', 'preview_time'])
      expect(args).not.toHaveProperty(name);
    expect(commandFor({ reference: { gamemode: 3, objects: 0, previewMs: -1 } }).document.args).toMatchObject({
      hitsounded: true,
      circle_size: 4,
      preview_time: -1,
    });
    const chosen = {
      in_context: ['GD' as const],
      title: 'Mine',
      title_unicode: '私の',
      hitsounded: false,
      output_type: ['MAP' as const],
    };
    expect(
      commandFor({ reference: { gamemode: 0, objects: 0, previewMs: -1 }, params: chosen }).document.args,
    ).toMatchObject(chosen);
  });

  it('has one title, whatever the beatmap has in another script', () => {
    const reference = { gamemode: 0, objects: 9, previewMs: 0 };
    expect(commandFor({ reference, params: { title: 'Mine' } }).document.args).toMatchObject({
      title: 'Mine',
      title_unicode: 'Mine',
    });
  });

  it('is of a LoRA its folder, and never one outside of the allowed', () => {
    const loraDir = mkdtempSync(join(tmpdir(), 'loras-'));
    mkdirSync(join(loraDir, 'my style 2'));
    expect(commandFor({ loraDir, params: { lora_path: 'my style 2' } }).document.args['lora_path']).toBe(
      join(loraDir, 'my style 2'),
    );
    for (const lora_path of ['../x', 'a/b', 'a\\b', '..', '', '.x', '/etc', 'my style', 'my style 2/']) {
      expect(() => commandFor({ loraDir, params: { lora_path } })).toThrow('is not the name of a LoRA');
    }
    expect(() => commandFor({ params: { lora_path: 'mine' } })).toThrow('is not the name of a LoRA');
  });

  it.each(['../x', 'legacy/v26', '', '-cn', 'default', 'v32\n', '/etc/passwd', '${x}'])(
    'is refused for the model "%s"',
    (model) => {
      expect(() => commandFor({ model })).toThrow("is not a model's name");
    },
  );

  it('is an environment of our own making, with a GPU only when one was chosen', () => {
    const { env } = commandFor().command;
    expect(Object.keys(env).toSorted()).toEqual([
      'HF_HUB_OFFLINE',
      'OMP_WAIT_POLICY',
      'PATH',
      'PYTHONDONTWRITEBYTECODE',
      'PYTHONIOENCODING',
      'PYTHONUNBUFFERED',
      'TMPDIR',
    ]);
    expect(commandFor({ cuda: '1' }).command.env['CUDA_VISIBLE_DEVICES']).toBe('1');
    expect(commandFor({ cuda: '1' }).warm.env['CUDA_VISIBLE_DEVICES']).toBe('1');
  });
});

async function run(given: Given) {
  const { command, document } = commandFor(given);
  for (const name of await readdir(folder)) await rm(join(folder, name));
  writeFileSync(join(folder, 'audio.mp3'), 'a song');
  writeFileSync(join(folder, 'request.json'), JSON.stringify(document));
  const lines: string[] = [];
  const exit = await runProgram(command, (line) => lines.push(line), AbortSignal.timeout(20_000));
  return { exit, lines };
}

/** The stand-in program of the other tests, held to what the service asks of the real one. */
describe('the stand-in program', () => {
  const asked: Partial<Params>[] = [{ export_osz: false }, { gamemode: 3, keycount: 7 }];
  it.each(asked)('makes a map that passes the check: %o', async (more) => {
    const params: Params = { gamemode: 0, difficulty: 5, export_osz: true, add_to_beatmap: false, ...more };
    const made = await run({ params: { ...params, title: 'fixture:slow=0' } });
    expect(made.exit.code).toBe(0);
    const read = made.lines.map(createMapperatorinatorReader(params, 'v32'));
    expect(read.at(-1)?.progress).toEqual({ stage: 'saving', percent: 100 });
    const audio = { path: 'a.mp3', filename: 'a.mp3', format: 'mp3', bytes: 6, seconds: 2 } as const;
    const request = {
      id: 'x',
      createdAt: 0,
      engine: 'mapperatorinator',
      model: 'v32',
      audio,
      params,
      warnings: [],
    } as const;
    const report = await checkResult(folder, { ...request, warnings: [] }, 2);
    expect(report.objects).toBe(8);
  });

  it.each([
    ['oom', 'model_oom'],
    ['killed', 'model_oom'],
    ['no-beat', 'no_beat_found'],
    ['model-missing', 'model_missing'],
  ])('fails by "%s" as the real one does: %s', async (word, code) => {
    const { exit, lines } = await run({ params: { title: `fixture:slow=0 fixture:${word}` } });
    expect(explainFailure(lines.slice(-20), exit).code).toBe(code);
  });
});

const { PATH = '' } = process.env;
const python = { file: 'python3', args: ['-V'], env: { PATH } };
const found = await runProgram(python, () => undefined, AbortSignal.timeout(5_000)).catch(() => null);

describe.skipIf(found?.code !== 0)('run.py', () => {
  const checkout = { python: 'python3', home: join(fixtures, 'checkout') };

  it('hands every value over as data', async () => {
    const title = "${oc.env:SECRET} it's, {a: 1}";
    const { exit, lines } = await run({ ...checkout, params: { title, descriptors: ['${x}'], seed: 7 } });
    expect(lines).toContain('Generating map');
    expect(exit.code).toBe(0);
    const set = JSON.parse(readFileSync(join(folder, 'seen.json'), 'utf8')) as Record<string, unknown>;
    expect(set).toMatchObject({ title, descriptors: ['${x}'], seed: 7, difficulty: 5, tags: '', background: '' });
    expect(set['year']).toBeNull();
  });

  it('gives a float where the program wants one, and the contexts as the program has them', async () => {
    await run({ ...checkout, params: { temperature: 1, seed: 7, in_context: ['TIMING'] } });
    const text = readFileSync(join(folder, 'seen.json'), 'utf8');
    expect(text).toMatch(/"difficulty": 5\.0.*"temperature": 1\.0.*"seed": 7,.*"in_context": \["TIMING"\]/);
  });

  it('lets the program read hold notes as the game writes them', async () => {
    const { exit } = await run({ ...checkout, reference: { gamemode: 0, objects: 1, previewMs: -1 } });
    expect(exit.code).toBe(0);
    const set = JSON.parse(readFileSync(join(folder, 'seen.json'), 'utf8')) as Record<string, unknown>;
    expect(set['hold']).toEqual([1.3, '1:0:0:70:']);
  });

  it('keeps the order of stdout and stderr, ends each bar where it is drawn, and names no folder of this machine', async () => {
    const { lines } = await run({ ...checkout });
    expect(lines).toEqual([
      'Model loaded: models/v32 on device cpu',
      'Generating map',
      '  0%|  | 0/2 [00:00<00:00]',
      ' 50%|█ | 1/2 [00:00<00:00]',
      '100%|██| 2/2 [00:00<00:00]',
      'Generated beatmap saved to <job>/seen.json',
    ]);
  });

  it('ends with the exception as its last line', async () => {
    const { exit, lines } = await run({ ...checkout, params: { title: 'raise' } });
    expect(exit.code).toBe(1);
    expect(lines.at(-1)).toBe('Failed: ValueError: first line in <job>/seen.json');
    expect(lines.join('\n')).not.toContain(fixtures);
  });

  it('refuses a model that the checkout has no config for, and a parameter that the program does not know', async () => {
    expect((await run({ ...checkout, model: 'v99' })).lines.at(-1)).toContain(
      "Failed: LookupError: Unknown model 'v99'",
    );
    expect((await run({ ...checkout, params: { bpm: 120 } })).lines.at(-1)).toContain("no parameter 'bpm'");
  });
});
