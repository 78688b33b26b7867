import { open, readdir, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { installedModels, readWholeConfig } from './models.ts';

/**
 * Which models of a checkout can be loaded on this host, by a look at the disk: no network, no Python. The places and names are
 * those of Mapperatorinator (3b7c69a) and of the Hugging Face cache that it reads through transformers 4.57. The words say
 * nothing of the folders of this machine, for they are shown to clients.
 */
interface Place {
  /** The checkout; the program is started in it, so relative paths are relative to it. */
  home: string;
  /** HF_HOME; null for the default, `~/.cache/huggingface` of the user that runs the program. */
  huggingFaceHome: string | null;
}

export type Weights =
  /** `gamemodes`: the modes that have a checkpoint of their own (`gamemode=N`), the others use the base. */
  | { state: 'found'; gamemodes: number[] }
  /** Incomplete: it was fetched, and would fail at the load. `detail` says what to do. */
  | { state: 'absent' | 'incomplete'; detail: string };

/** What a model needs besides its own files, for `backbone_model_name` in config.json: only a config, the weights are the model's. */
const whisperOf = (backbone: string) => /(whisper-[a-z]+)/.exec(backbone)?.[1];

/** transformers asks for this one whenever it compares a config with the class's defaults. */
const defaultWhisper = 'openai/whisper-base';

/** A checkpoint by its folder (relative to the checkout, or absolute) or its Hugging Face id. Never throws. */
export async function findWeights({
  home,
  huggingFaceHome,
  modelPath,
}: Place & { modelPath: string }): Promise<Weights> {
  const place = { home, huggingFaceHome };
  const folder = await folderOf(place, modelPath);
  if (folder === null) return { state: 'absent', detail: notThere(modelPath) };
  const modes = (await readdir(folder).catch(() => []))
    .flatMap((entry) => /^gamemode=([0-3])$/.exec(entry)?.[1] ?? [])
    .sort();
  const needs = new Set([defaultWhisper]);
  for (const part of ['', ...modes.map((mode) => `gamemode=${mode}`)]) {
    const problem = await checkpointProblem(join(folder, part));
    if (problem)
      return { state: 'incomplete', detail: `${join(wordsFor(modelPath), part)}: ${problem}. ${remedy(modelPath)}` };
    const whisper = whisperOf(await backboneOf(join(folder, part)));
    if (whisper) needs.add(`openai/${whisper}`);
  }
  for (const id of needs) {
    const problem = await filesProblem(place, id, ['config.json']);
    if (problem) return { state: 'incomplete', detail: `The program always reads config.json of ${id}. ${problem}` };
  }
  return { state: 'found', gamemodes: modes.map(Number) };
}

/** The models that have all they need, and why the others do not, in the order of `installedModels`. */
export async function modelsOnThisHost(home: string, huggingFaceHome: string | null) {
  const models: string[] = [];
  const missing: ({ model: string } & Exclude<Weights, { state: 'found' }>)[] = [];
  for (const model of await installedModels(home)) {
    const weights = await weightsOf({ home, huggingFaceHome }, model);
    if (weights.state === 'found') models.push(model);
    else missing.push({ model, ...weights });
  }
  return { models, missing };
}

/** Whether one of them has all that it needs. */
export async function hasModel(home: string, huggingFaceHome: string | null, model: string): Promise<boolean> {
  const isInstalled = (await installedModels(home)).includes(model);
  return isInstalled && (await weightsOf({ home, huggingFaceHome }, model)).state === 'found';
}

async function weightsOf(place: Place, model: string): Promise<Weights> {
  const file = `configs/inference/${model}.yaml`;
  const config = await readWholeConfig(place.home, model).catch(() => null);
  if (config === null) return { state: 'incomplete', detail: `${file} cannot be read.` };
  const { model_path: modelPath, generate_positions: withPositions = true, diff_ckpt: positions } = config;
  if (typeof modelPath !== 'string' || modelPath === '') {
    return { state: 'incomplete', detail: `${file} names no model_path.` };
  }
  const weights = await findWeights({ ...place, modelPath });
  if (weights.state !== 'found' || !withPositions) return weights;
  if (typeof positions !== 'string' || positions === '') {
    return { state: 'incomplete', detail: `${file} names no diff_ckpt.` };
  }
  const problem = await filesProblem(place, positions, ['tokenizer.pkl', 'model_ema.pkl']);
  if (problem === null) return weights;
  return { state: 'incomplete', detail: `The model places its objects with ${wordsFor(positions)}. ${problem}` };
}

/** Where the program would look: a folder that exists comes before the cache. Null: nowhere. */
async function folderOf({ home, huggingFaceHome }: Place, path: string): Promise<string | null> {
  const local = resolve(home, path);
  if ((await stat(local).catch(() => null))?.isDirectory()) return local;
  if (!isId(path)) return null;
  const cached = join(cacheFolder(home, huggingFaceHome), `models--${path.replace('/', '--')}`);
  const commit = (await readFile(join(cached, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  if (!/^[0-9a-f]{40}$/.test(commit)) return null;
  const snapshot = join(cached, 'snapshots', commit);
  return (await stat(snapshot).catch(() => null))?.isDirectory() ? snapshot : null;
}

/** Where the program looks for what it has downloaded. Its environment has no HOME, so that the user's own folder counts. */
function cacheFolder(home: string, huggingFaceHome: string | null): string {
  const chosen = huggingFaceHome ?? '~/.cache/huggingface';
  return join(resolve(home, chosen.replace(/^~(?=\/|$)/, ownHome())), 'hub');
}

function ownHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    return '/nonexistent'; // a user number without an entry, as in containers
  }
}

/** What one folder of a checkpoint lacks: of three files, where the weights may be in several parts. */
async function checkpointProblem(folder: string): Promise<string | null> {
  const has = async (file: string) => ((await stat(join(folder, file)).catch(() => null))?.size ?? 0) > 0;
  // A checkpoint as training writes it has its tokenizer beside the weights.
  if ((await has('pytorch_model.bin')) && (await has('custom_checkpoint_0.pkl'))) return null;
  for (const file of ['config.json', 'tokenizer.json']) if (!(await has(file))) return `${file} is missing`;
  if (await has('model.safetensors')) return tensorsProblem(folder, 'model.safetensors');
  const parts = await partsOf(folder);
  if (parts.length === 0) return 'model.safetensors is missing';
  for (const part of parts) {
    const problem = (await has(part)) ? await tensorsProblem(folder, part) : `${part} is missing`;
    if (problem) return problem;
  }
  return null;
}

async function partsOf(folder: string): Promise<string[]> {
  const index = await readJson(join(folder, 'model.safetensors.index.json'));
  return [...new Set(Object.values((index['weight_map'] ?? {}) as Record<string, string>))];
}

/**
 * A download that was cut short, or the pointer that git leaves where its large files were not fetched. A safetensors file
 * begins with the length of its header (8 bytes, little-endian); the header says where each tensor ends.
 */
async function tensorsProblem(folder: string, file: string): Promise<string | null> {
  const handle = await open(join(folder, file)).catch(() => null);
  if (handle === null) return `${file} cannot be read`;
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(8);
    await handle.read(head, 0, 8, 0);
    const length = Number(head.readBigUInt64LE());
    if (length > size - 8) return `${file} is no safetensors file, or was cut short`;
    const header = Buffer.alloc(length);
    await handle.read(header, 0, length, 8);
    const tensors = Object.values(JSON.parse(header.toString()) as Record<string, { data_offsets?: [number, number] }>);
    const end = tensors.reduce((last, { data_offsets: offsets }) => Math.max(last, offsets?.[1] ?? 0), 0);
    return size < 8 + length + end ? `${file} was cut short (${size} of ${8 + length + end} bytes)` : null;
  } catch {
    return `${file} is no safetensors file`;
  } finally {
    await handle.close();
  }
}

async function backboneOf(folder: string): Promise<string> {
  const { backbone_model_name: backbone } = await readJson(join(folder, 'config.json'));
  return typeof backbone === 'string' ? backbone : '';
}

async function filesProblem(place: Place, path: string, files: string[]): Promise<string | null> {
  const folder = await folderOf(place, path);
  if (folder === null) return notThere(path, files);
  for (const file of files) {
    const found = await stat(join(folder, file)).catch(() => null);
    if (!found?.isFile() || found.size === 0) return `${wordsFor(path)}: ${file} is missing. ${remedy(path, files)}`;
  }
  return null;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const isId = (path: string) => /^[\w-][\w.-]*\/[\w.-]+$/.test(path);
const wordsFor = (path: string) => (isAbsolute(path) ? 'its folder (model_path)' : path);

const notThere = (path: string, files: string[] = []) =>
  isId(path)
    ? `${path} is neither in the Hugging Face cache (HF_HOME) nor a folder of the checkout. ${remedy(path, files)}`
    : `${wordsFor(path)} is not there. ${remedy(path, files)}`;

/** `files`: all that is needed of a repository; empty for the whole of it. */
const remedy = (path: string, files: string[] = []) =>
  isId(path)
    ? `Where there is internet: ${['hf download', path, ...files].join(' ')} (with the HF_HOME of the worker).`
    : `Put there ${files.length > 0 ? files.join(' and ') : 'config.json, tokenizer.json and model.safetensors'}.`;
