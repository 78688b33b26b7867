import { dirname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oneLine } from '../../../shared/fields.ts';
import { contextsOf } from '../../../shared/model-rules.ts';
import { defaultModel } from '../../../shared/models.ts';
import type { Command } from '../../../shared/process.ts';
import type { Params } from '../../../shared/request.ts';

const program = fileURLToPath(new URL('./run.py', import.meta.url));

export interface EngineRequest {
  model: string;
  audio: { filename: string; title?: string; artist?: string };
  params: Partial<Params>;
  reference?: { gamemode: number; objects: number };
}

/** What a worker's host gives to every job. */
export interface Host {
  /** The checkout of the public project. */
  home: string;
  python: string;
  searchPath: string;
  /** Where the weights are kept; null: the program's own default. */
  huggingFaceHome: string | null;
  /** As it is given to this service; null leaves the choice of a GPU to the program. */
  cudaVisibleDevices: string | null;
  /** The folder whose entries are the LoRAs that a job may ask for; null: none. */
  loraDir: string | null;
}

/** One job and the paths that it is given, all absolute. */
export interface ProgramJob {
  request: EngineRequest;
  audioPath: string;
  outDir: string;
  /** The copy of a beatmap that was made for the program (`copyOf`); null: none. */
  referencePath: string | null;
  loraDir: string | null;
}

interface Job extends Host, ProgramJob {
  /** Where the caller writes `requestJson` before the start. */
  requestPath: string;
}

/** How to start one job as a process of its own, and the document that its program reads. Throws as `programDocument` does. */
export function mapperatorinatorCommand(job: Job): Command & { cwd: string; requestJson: unknown } {
  return {
    file: job.python,
    args: [program, job.requestPath],
    cwd: job.home,
    env: environment(job),
    requestJson: programDocument(job),
  };
}

function environment({ searchPath, requestPath, huggingFaceHome, cudaVisibleDevices }: Job): Record<string, string> {
  return {
    PATH: searchPath, // ffmpeg
    TMPDIR: dirname(requestPath), // goes with the job, also when the program is killed
    HF_HUB_OFFLINE: '1',
    PYTHONUNBUFFERED: '1',
    PYTHONIOENCODING: 'utf-8',
    PYTHONDONTWRITEBYTECODE: '1',
    ...(huggingFaceHome === null ? {} : { HF_HOME: huggingFaceHome }),
    ...(cudaVisibleDevices === null ? {} : { CUDA_VISIBLE_DEVICES: cudaVisibleDevices }),
  };
}

/**
 * What the program is asked for, as run.py reads it. Parameters that were not sent are not set, so that the model's own
 * values apply. Throws on a name of a model or a LoRA that is not a plain file name.
 */
export function programDocument(job: ProgramJob): { config: string; args: Record<string, unknown> } {
  const { model } = job.request;
  if (!/^[A-Za-z0-9][\w.-]*$/.test(model) || model === defaultModel)
    throw new Error(`"${model}" is not a model's name.`);
  return { config: model, args: programArguments(job) };
}

function programArguments({ request, audioPath, outDir, referencePath, loraDir }: ProgramJob): Record<string, unknown> {
  const { audio, params, reference } = request;
  const { lora_path: lora, in_context: _chosen, ...rest } = params;
  const sent = Object.entries(rest).filter(([, value]) => value !== undefined);
  const contexts = contextsOf(params, reference !== undefined);
  return {
    ...(reference ? {} : namesOf(audio)),
    // Left to itself the program writes all its settings here, with local paths.
    tags: '',
    ...(referencePath === null ? {} : notInherited(reference)),
    ...Object.fromEntries(sent.map(([name, value]) => [name, clean(value)])),
    ...(contexts ? { in_context: contexts } : {}),
    ...(lora === undefined ? {} : { lora_path: loraPath(loraDir, lora) }),
    audio_path: audioPath,
    output_path: outDir,
    beatmap_path: referencePath ?? '',
    background: '',
    use_server: false,
  };
}

/** Of a beatmap that was sent along the program takes title and artist itself, like all that is not sent. */
const namesOf = (audio: EngineRequest['audio']) => ({
  title: clean(audio.title ?? parse(audio.filename).name),
  ...(audio.artist === undefined ? {} : { artist: clean(audio.artist) }),
});

/** What the program would read out of a beatmap although it says nothing about it: the program's own values instead. */
const notInherited = (reference: EngineRequest['reference']) => ({
  ...(reference?.gamemode === 3 ? { circle_size: 4 } : {}), // there it is the number of keys, and mania does not ask for it
  ...(reference?.objects ? {} : { hitsounded: true }), // nothing sounds in a map without objects
});

/** Throws for what is not the name of an entry of the folder. */
function loraPath(folder: string | null, name: string): string {
  if (folder === null || !/^[\p{L}\p{N}][\p{L}\p{N}._ -]*$/u.test(name))
    throw new Error(`"${name}" is not a LoRA's name.`);
  return join(folder, name);
}

/** Texts in one line, without halves of surrogate pairs, which the program would notice after minutes. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  return typeof value === 'string' ? oneLine(value) : value;
}
