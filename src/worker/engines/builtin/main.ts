import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseBuffer } from 'music-metadata';
import { cutOffWarning, measureSong } from '../../../shared/audio-length.ts';
import { isErrno } from '../../../shared/claim.ts';
import { unusedWarnings } from '../../../shared/model-limits.ts';
import { builtinContextProblems } from '../../../shared/model-rules.ts';
import { builtinModel, builtinProblems } from '../../../shared/models.ts';
import { attemptVariable, runProgram } from '../../../shared/process.ts';
import { readTiming } from '../../../shared/reference-beatmap.ts';
import { parameterNames, parseFields } from '../../../shared/request.ts';
import { audioFormatOf } from './audio/decode.ts';
import { GenerateError } from './errors.ts';
import { generate } from './generate.ts';
import type { Report } from './song.ts';
import { generatorVersion, remakeOf, type SongTags } from './beatmap/metadata.ts';
import type { MapParams } from './plan.ts';

const usage = `Makes a playable osu! beatmap of a song.

  npm run generate -- SONG [--out FOLDER] [--beatmap FILE.osu] [--NAME VALUE …]
  npm run generate -- SONG --again MAP.osu [--out FOLDER]

SONG is mp3, wav, ogg, opus or flac (m4a where ffmpeg is on the PATH). Without --out the .osz goes to the working folder.
--beatmap gives the timing; --again makes a map of this generator once more, from what its tags say.
NAME is a parameter of the API: ${parameterNames.join(', ')}.
Lists are JSON: --descriptors '["streams"]'.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...Object.fromEntries(parameterNames.map((name) => [name, { type: 'string' as const }])),
    request: { type: 'string' },
    audio: { type: 'string' },
    out: { type: 'string', default: '.' },
    beatmap: { type: 'string' },
    again: { type: 'string' },
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

async function readRequest(bytes: Uint8Array, path: string) {
  const tags = await readTags(bytes);
  if (values.request !== undefined) {
    const { audio, params } = JSON.parse(await readFile(values.request, 'utf8')) as EngineRequest;
    return { tags: { ...tags, ...audio }, params };
  }
  const params = values.again === undefined ? await askedFor() : await askedForAgain(values.again);
  return { tags: { filename: basename(path), ...tags }, params };
}

async function readTags(bytes: Uint8Array) {
  const { common } = await parseBuffer(bytes, undefined, { duration: false }).catch(() => ({ common: null }));
  const cover = common?.picture?.[0]?.data;
  return {
    ...(common?.title ? { title: common.title } : {}),
    ...(common?.artist ? { artist: common.artist } : {}),
    ...(common?.genre ? { genres: common.genre } : {}),
    ...(cover ? { cover } : {}),
  };
}

/** The parameters on the command line. */
async function askedFor(): Promise<MapParams> {
  const sent = parameterNames.flatMap((name) => {
    const value: unknown = values[name as keyof typeof values];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const { params, errors } = parseFields(new Map(sent));
  const hasBeatmap = values.beatmap !== undefined;
  const isRead = params && errors.length === 0;
  const [wrong] = isRead ? [...builtinProblems(params), ...builtinContextProblems(params, hasBeatmap)] : errors;
  if (!params || wrong) fail('invalid_argument', `--${wrong?.field} ${wrong?.detail}`);
  for (const warning of unusedWarnings(builtinModel, params, hasBeatmap)) tell({ warning });
  if (values.beatmap === undefined) return params;
  try {
    return { ...params, points: readTiming(await readFile(values.beatmap, 'utf8')) };
  } catch (error) {
    fail('invalid_argument', `--beatmap: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function askedForAgain(path: string): Promise<MapParams> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const made = remakeOf(text);
  if (!made) fail('invalid_argument', '--again wants a .osu that this generator has made');
  if (made.generator !== generatorVersion) {
    const versions = `generator ${made.generator}, and this is ${generatorVersion}`;
    tell({ warning: `The map was made by ${versions}: it will not be quite the same.` });
  }
  return { ...made.params, ...(made.timingGiven ? { points: readTiming(text) } : {}) };
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
    const { tags, params } = await readRequest(bytes, path);
    if (forPeople) await warnOfCut(path, bytes); // a worker looks itself
    const files = await generate(bytes, tags, params, tell, toWav);
    await mkdir(values.out, { recursive: true });
    const wanted = forPeople && params.export_osz !== false ? files.filter(({ name }) => name.endsWith('.osz')) : files;
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
