import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseBuffer } from 'music-metadata';
import { cutOffWarning, measureSong } from '../../../shared/audio-length.ts';
import { isErrno } from '../../../shared/claim.ts';
import { attemptVariable, runProgram } from '../../../shared/process.ts';
import { audioFormatOf } from './decode.ts';
import { GenerateError } from './errors.ts';
import { generate, type Report } from './generate.ts';
import type { SongTags } from './metadata.ts';
import type { MapParams } from './plan.ts';

const usage = `Makes a playable osu! beatmap of a song.

  npm run generate -- SONG [--difficulty STARS] [--seed N] [--out FOLDER] [--title T] [--artist A] [--creator C]
                           [--bpm BPM] [--offset MS] [--request FILE.json]

SONG is mp3, wav, ogg, opus or flac (m4a where ffmpeg is on the PATH). Without --out the .osz goes to the working folder.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    request: { type: 'string' },
    audio: { type: 'string' },
    out: { type: 'string', default: '.' },
    difficulty: { type: 'string' },
    seed: { type: 'string' },
    title: { type: 'string' },
    artist: { type: 'string' },
    creator: { type: 'string' },
    bpm: { type: 'string' },
    offset: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});

interface EngineRequest {
  audio: SongTags;
  params: MapParams;
}

const forPeople = values.request === undefined;
const say = (document: unknown) => process.stdout.write(`${JSON.stringify(document)}\n`);

/** Reports as JSON lines to the worker, as sentences to people. */
function tell(report: Report) {
  if (!forPeople) say(report);
  else if ('warning' in report) process.stdout.write(`warning: ${report.warning}\n`);
  else if ('timing' in report)
    process.stdout.write(`timing: ${report.timing.bpm} BPM from ${report.timing.offset_ms} ms\n`);
  else if ('stars' in report) process.stdout.write(`stars: ${report.stars.got} (asked ${report.stars.asked})\n`);
}

function fail(code: string, detail: string): never {
  if (forPeople) process.stderr.write(`${code}: ${detail}\n`);
  else say({ error: { code, detail } });
  process.exit(1);
}

async function readRequest(bytes: Uint8Array, path: string): Promise<EngineRequest> {
  if (values.request !== undefined) return JSON.parse(await readFile(values.request, 'utf8')) as EngineRequest;
  const { difficulty, seed, bpm, offset, title, artist, creator } = values;
  const numbers = Object.entries({ difficulty, seed, bpm, offset }).filter(([, text]) => text !== undefined);
  const wrong = numbers.find(([, text]) => !Number.isFinite(Number(text)));
  if (wrong) fail('invalid_argument', `--${wrong[0]} must be a number`);
  const texts = Object.entries({ title, artist, creator }).filter(([, text]) => text !== undefined);
  const { common } = await parseBuffer(bytes, undefined, { skipCovers: true }).catch(() => ({
    common: {} as SongTags,
  }));
  return {
    audio: {
      filename: basename(path),
      ...(common.title ? { title: common.title } : {}),
      ...(common.artist ? { artist: common.artist } : {}),
    },
    params: {
      ...Object.fromEntries(numbers.map(([name, text]) => [name, Number(text)])),
      ...Object.fromEntries(texts),
    },
  };
}

/** An m4a through ffmpeg, where there is one. */
async function toWav(bytes: Uint8Array): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'm4a-'));
  try {
    const [input, output] = [join(folder, 'song.m4a'), join(folder, 'song.wav')];
    await writeFile(input, bytes);
    const args = [
      '-nostdin',
      '-loglevel',
      'error',
      '-protocol_whitelist',
      'file',
      '-i',
      input,
      '-c:a',
      'pcm_s16le',
      output,
    ];
    const env = { PATH: process.env['PATH'] ?? '', [attemptVariable]: process.env[attemptVariable] ?? '' };
    const exit = await runProgram({ file: 'ffmpeg', args, env }, () => undefined, new AbortController().signal);
    if (exit.code !== 0) throw new GenerateError('invalid_audio', 'ffmpeg cannot decode this m4a.');
    return await readFile(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function warnOfCut(path: string, bytes: Uint8Array) {
  const { cutOff } = await measureSong(path, await audioFormatOf(bytes), new AbortController().signal);
  if (cutOff) tell({ warning: cutOffWarning });
}

async function main() {
  const path = values.audio ?? positionals[0];
  if (values.help || path === undefined) {
    process.stdout.write(usage);
    process.exit(values.help ? 0 : 2);
  }
  try {
    const bytes = await readFile(path);
    const request = await readRequest(bytes, path);
    if (forPeople) await warnOfCut(path, bytes); // a worker looks itself
    const files = await generate(bytes, request.audio, request.params, tell, toWav);
    await mkdir(values.out, { recursive: true });
    const wanted = forPeople ? files.filter(({ name }) => name.endsWith('.osz')) : files;
    for (const file of wanted) await writeFile(join(values.out, file.name), file.bytes);
    if (forPeople) for (const file of wanted) process.stdout.write(`${join(values.out, file.name)}\n`);
    else say({ result: { files: files.map((file) => file.name) } });
  } catch (error) {
    fail(codeOf(error), error instanceof Error ? error.message : String(error));
  }
}

function codeOf(error: unknown): string {
  if (error instanceof GenerateError) return error.code;
  return isErrno(error, 'ENOSPC') ? 'storage_full' : 'engine_failed';
}

await main();
