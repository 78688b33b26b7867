import { dirname, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultModel } from '../../../shared/models.ts';
import type { Command } from '../../../shared/process.ts';
import type { AttemptPaths } from '../engine.ts';

/** The parameters that go to the program as they are. Whatever else a request holds stays here. */
const passed = [
  'gamemode',
  'difficulty',
  'year',
  'mapper_id',
  'hp_drain_rate',
  'circle_size',
  'overall_difficulty',
  'approach_rate',
  'slider_multiplier',
  'slider_tick_rate',
  'keycount',
  'hold_note_ratio',
  'scroll_speed_ratio',
  'cfg_scale',
  'temperature',
  'top_p',
  'seed',
  'start_time',
  'end_time',
  'export_osz',
  'hitsounded',
  'super_timing',
  'descriptors',
  'negative_descriptors',
  'title',
  'artist',
  'title_unicode',
  'artist_unicode',
  'creator',
  'version',
  'source',
  'tags',
  'bpm',
  'offset',
  'preview_time',
] as const;

export interface EngineRequest {
  model: string;
  audio: { filename: string; title?: string; artist?: string };
  params: Record<string, unknown>;
}

/** What a worker's host gives to every job. */
export interface Host {
  /** The checkout of the public project. */
  home: string;
  python: string;
  searchPath: string;
  /** Where the weights are kept; null: the program's own default. */
  huggingFaceHome: string | null;
}

/** The process that keeps its models, on one GPU; null leaves the choice to it. It loads `model` first. */
export function runnerCommand(host: Host, gpu: string | null, model: string | null): Command {
  return command(host, gpu, ['runner.py', ...(model === null ? [] : [model])]);
}

/** The process for one job, with the path of its document. */
export function coldCommand(host: Host, gpu: string | null, requestPath: string): Command {
  const { env, ...rest } = command(host, gpu, ['run.py', requestPath]);
  return { ...rest, env: { ...env, TMPDIR: dirname(requestPath) } }; // goes with the job, also when the program is killed
}

function command({ home, python, searchPath, huggingFaceHome }: Host, gpu: string | null, args: string[]): Command {
  const [program = '', ...rest] = args;
  return {
    file: python,
    args: [fileURLToPath(new URL(program, import.meta.url)), ...rest],
    cwd: home,
    env: {
      PATH: searchPath, // ffmpeg
      HF_HUB_OFFLINE: '1',
      PYTHONUNBUFFERED: '1',
      PYTHONIOENCODING: 'utf-8',
      PYTHONDONTWRITEBYTECODE: '1',
      ...(huggingFaceHome === null ? {} : { HF_HOME: huggingFaceHome }),
      ...(gpu === null ? {} : { CUDA_VISIBLE_DEVICES: gpu }),
    },
  };
}

/**
 * What a job asks of the program. Parameters that were not sent are not set, so that the model's own values apply. Throws on a model
 * name that is not a plain file name.
 */
export function programDocument(request: EngineRequest, paths: Pick<AttemptPaths, 'audio' | 'out'>) {
  const { model } = request;
  if (!/^[A-Za-z0-9][\w.-]*$/.test(model) || model === defaultModel)
    throw new Error(`"${model}" is not a model's name.`);
  return { config: model, args: programArguments(request, paths) };
}

function programArguments(
  { audio, params }: EngineRequest,
  paths: Pick<AttemptPaths, 'audio' | 'out'>,
): Record<string, unknown> {
  const sent = passed.flatMap((name) => (params[name] === undefined ? [] : [[name, clean(params[name])] as const]));
  const artist = audio.artist === undefined ? {} : { artist: clean(audio.artist) };
  return {
    title: clean(audio.title ?? parse(audio.filename).name),
    ...artist,
    // Left to itself the program writes all its settings here, with local paths.
    tags: '',
    ...Object.fromEntries(sent),
    audio_path: paths.audio,
    output_path: paths.out,
    beatmap_path: '',
    background: '',
    use_server: false,
  };
}

/**
 * A line break in a text would be one in the `.osu` file, where it begins a section of the client's choice; half of a
 * surrogate pair cannot be written at all, which the program would notice after minutes.
 */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  return typeof value === 'string' ? value.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ') : value;
}
