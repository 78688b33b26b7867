import { existsSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneLine } from '../../../shared/fields.ts';
import { contextsOf } from '../../../shared/model-rules.ts';
import { defaultModel } from '../../../shared/models.ts';
import type { Command } from '../../../shared/process.ts';
import type { Params } from '../../../shared/request.ts';
import type { AttemptPaths } from '../engine.ts';

export interface EngineRequest {
  model: string;
  audio: { filename: string; title?: string; artist?: string };
  params: Partial<Params>;
  reference?: { gamemode: number; objects: number; previewMs: number };
}

/** What a worker's host gives to every job. */
export interface Host {
  /** The checkout of the public project. */
  home: string;
  python: string;
  searchPath: string;
  /** Where the weights are kept; null: the program's own default. */
  huggingFaceHome: string | null;
  /** For temporary files between jobs. */
  scratch: string;
  /** The folder whose entries are the LoRAs that a job may ask for; null: none. */
  loraDir: string | null;
}

/** The process that keeps its models, on one GPU; null leaves the choice to it. It loads `model` first. */
export function runnerCommand(host: Host, gpu: string | null, model: string | null): Command {
  return command(host, gpu, host.scratch, ['runner.py', ...(model === null ? [] : [model])]);
}

/** The process for one job, with the path of its document. Its temporary files go with the job, also when it is killed. */
export function coldCommand(host: Host, gpu: string | null, requestPath: string): Command {
  return command(host, gpu, dirname(requestPath), ['run.py', requestPath]);
}

function command(host: Host, gpu: string | null, temporary: string, [program = '', ...rest]: string[]): Command {
  const { home, python, searchPath, huggingFaceHome } = host;
  return {
    file: python,
    args: [fileURLToPath(new URL(program, import.meta.url)), ...rest],
    cwd: home,
    env: {
      PATH: searchPath, // ffmpeg
      TMPDIR: temporary,
      HF_HUB_OFFLINE: '1',
      PYTHONUNBUFFERED: '1',
      PYTHONIOENCODING: 'utf-8',
      PYTHONDONTWRITEBYTECODE: '1',
      // Threads that spin while they wait made a job on the CPU five times slower beside one other busy process (tiny model, two cores).
      OMP_WAIT_POLICY: 'PASSIVE',
      ...(huggingFaceHome === null ? {} : { HF_HOME: huggingFaceHome }),
      ...(gpu === null ? {} : { CUDA_VISIBLE_DEVICES: gpu }),
    },
  };
}

type DocumentPaths = Pick<AttemptPaths, 'audio' | 'reference' | 'out'>;

/**
 * What the program is asked for. Parameters that were not sent are not set, so that the model's own values apply. Throws on a name
 * of a model or a LoRA that is not a plain file name.
 */
export function programDocument(
  { loraDir }: Pick<Host, 'loraDir'>,
  request: EngineRequest,
  paths: DocumentPaths,
): { config: string; args: Record<string, unknown> } {
  const { model } = request;
  if (!/^[A-Za-z0-9][\w.-]*$/.test(model) || model === defaultModel)
    throw new Error(`"${model}" is not a model's name.`);
  return { config: model, args: programArguments(request, paths, loraDir) };
}

function programArguments(request: EngineRequest, paths: DocumentPaths, loraDir: string | null) {
  const { audio, params, reference } = request;
  const { lora_path: lora, in_context: _chosen, ...rest } = params;
  const sent = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, clean(value)] as const],
  );
  const contexts = contextsOf(params, reference !== undefined);
  const asked: Record<string, unknown> = { ...(reference ? {} : namesOf(audio)), ...Object.fromEntries(sent) };
  return {
    // Left to itself the program writes all its settings here, with local paths.
    tags: '',
    ...(paths.reference === null ? {} : notInherited(reference, asked)),
    ...asked,
    ...(contexts ? { in_context: contexts } : {}),
    ...(lora === undefined ? {} : { lora_path: loraPath(loraDir, lora) }),
    audio_path: paths.audio,
    output_path: paths.out,
    beatmap_path: paths.reference ?? '',
    background: '',
    use_server: false,
  };
}

/** Of a beatmap that was sent along the program takes title and artist itself, like all that is not sent. */
const namesOf = (audio: EngineRequest['audio']) => ({
  title: clean(audio.title ?? parse(audio.filename).name),
  ...(audio.artist === undefined ? {} : { artist: clean(audio.artist) }),
});

/**
 * What the program would read out of a beatmap although it says nothing about it: the program's own values instead. A title that is sent is
 * not left beside the beatmap's own in another script.
 */
const notInherited = (reference: EngineRequest['reference'], { title, artist }: Record<string, unknown>) => ({
  ...(reference?.gamemode === 3 ? { circle_size: 4 } : {}), // there it is the number of keys, and mania does not ask for it
  ...(reference?.objects ? {} : { hitsounded: true }), // nothing sounds in a map without objects
  ...((reference?.previewMs ?? -1) < 0 ? { preview_time: -1 } : {}), // which the program reads as 0
  ...(title === undefined ? {} : { title_unicode: title }),
  ...(artist === undefined ? {} : { artist_unicode: artist }),
});

/** Whether an entry of the folder can be asked for; never a path. */
export const isLoraName = (name: string): boolean => /^[\p{L}\p{N}][\p{L}\p{N}._ -]*$/u.test(name);

function loraPath(folder: string | null, name: string): string {
  if (folder === null || !isLoraName(name) || !existsSync(join(folder, name)))
    throw new Error(`"${name}" is not the name of a LoRA of this worker.`);
  return join(folder, name);
}

/** Texts in one line, without halves of surrogate pairs, which the program would notice after minutes. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  return typeof value === 'string' ? oneLine(value) : value;
}
