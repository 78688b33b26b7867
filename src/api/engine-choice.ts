import type { Config } from '../shared/config.ts';
import { unusedWarnings } from '../shared/model-limits.ts';
import { builtinContextProblems, modelProblems } from '../shared/model-rules.ts';
import { bestModel, builtinModel, builtinProblems, modelNames } from '../shared/models.ts';
import { fieldProblems } from '../shared/problems.ts';
import type { Announcement } from '../shared/queue.ts';
import type { ReferenceBeatmap } from '../shared/reference-beatmap.ts';
import { audioFormats, type AudioFormat, type EngineName, type Params } from '../shared/request.ts';
import { unsupportedAudio } from './audio.ts';

export interface Choice {
  engine: EngineName;
  model: string;
  warnings: string[];
}

interface Asked {
  model: string | undefined;
  params: Params;
  format: AudioFormat;
  /** The beatmap that was sent along. */
  reference: ReferenceBeatmap | null;
}

/**
 * Which engine and model make this map. Decided at submit and recorded; no worker changes it. `default` is the best model
 * that a worker has. Throws a Problem that names the field when the choice cannot run what is asked for.
 */
export function chooseEngine(policy: Config['engine'], workers: Announcement[], asked: Asked): Choice {
  const present = new Set(workers.flatMap((worker) => worker.models));
  const choice = pick(policy, present, asked.model?.trim() || 'default');
  const { params, reference } = asked;
  const problems =
    choice.engine === 'builtin'
      ? [...builtinProblems(params), ...builtinContextProblems(params, reference !== null)]
      : modelProblems(choice.model, params, reference, lorasOf(workers));
  for (const field of ['bpm', 'offset'] as const) {
    if (!reference || params[field] === undefined) continue;
    const detail = 'cannot be given beside a beatmap_file, which has the whole timing';
    problems.push({ field, code: 'invalid_value', detail });
  }
  if (problems.length > 0) throw fieldProblems(problems);

  if (choice.engine === 'builtin' && asked.format === 'm4a' && !builtinReadsM4a(workers)) {
    throw unsupportedAudio('m4a needs ffmpeg on the PATH of a worker, and none has it');
  }
  const unused = unusedWarnings(choice.model, params, reference !== null);
  return { ...choice, warnings: [...choice.warnings, ...unused] };
}

const builtinReadsM4a = (workers: Announcement[]) =>
  workers.some(({ engines, formats }) => engines.includes('builtin') && formats.includes('m4a'));

/** The kinds of songs that some engine takes now. Only with m4a does that depend on who is there. */
export function takenFormats(policy: Config['engine'], workers: Announcement[]): AudioFormat[] {
  const hasModel = workers.some(({ models }) => models.some((model) => model !== builtinModel));
  const takesM4a = policy === 'mapperatorinator' || (policy === 'auto' && hasModel) || builtinReadsM4a(workers);
  return audioFormats.filter((format) => format !== 'm4a' || takesM4a);
}

/** The names of the LoRAs that a job can ask for now. */
export const lorasOf = (workers: Announcement[]): string[] =>
  [...new Set(workers.flatMap((worker) => worker.loras ?? []))].sort();

function pick(policy: Config['engine'], present: ReadonlySet<string>, name: string): Choice {
  const known = [...modelNames, ...present];
  if (name !== 'default' && name !== builtinModel && !known.includes(name)) {
    const detail = `unknown model; known are ${['default', builtinModel, ...modelNames].join(', ')}`;
    throw fieldProblems([{ field: 'model', code: 'unknown_model', detail }]);
  }
  const installed = known.filter((model) => present.has(model) && model !== builtinModel);
  const wanted = name === 'default' ? installed[0] : name;

  if (policy === 'mapperatorinator') {
    if (wanted === builtinModel) {
      const detail = 'the built-in generator is switched off here (ENGINE=mapperatorinator)';
      throw fieldProblems([{ field: 'model', code: 'model_not_available', detail }]);
    }
    const model = wanted ?? bestModel;
    const warnings = present.has(model) ? [] : [`No worker has the model ${model} at present; the job waits for one.`];
    return { engine: 'mapperatorinator', model, warnings };
  }
  if (policy === 'auto' && wanted !== undefined && wanted !== builtinModel && present.has(wanted)) {
    return { engine: 'mapperatorinator', model: wanted, warnings: [] };
  }
  const missing = name === 'default' ? 'No Mapperatorinator model is available' : `The model ${name} is not available`;
  const warnings = name === builtinModel ? [] : [`${missing} here; the built-in generator makes this map.`];
  return { engine: 'builtin', model: builtinModel, warnings };
}
