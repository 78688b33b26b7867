import type { Config } from '../shared/config.ts';
import { bestModel, builtinModel, builtinProblems, modelNames, modelProblems } from '../shared/models.ts';
import { fieldProblems } from '../shared/problems.ts';
import type { Announcement } from '../shared/queue.ts';
import type { AudioFormat, EngineName, Params } from '../shared/request.ts';
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
  /** Whether a beatmap was sent along. */
  hasReference: boolean;
}

/**
 * Which engine and model make this map. Decided at submit and recorded; no worker changes it. `default` is the best model
 * that a worker has. Throws a Problem that names the field when the choice cannot run what is asked for.
 */
export function chooseEngine(policy: Config['engine'], workers: Announcement[], asked: Asked): Choice {
  const present = new Set(workers.flatMap((worker) => worker.models));
  const choice = pick(policy, present, asked.model?.trim() || 'default');
  const problems =
    choice.engine === 'builtin' ? builtinProblems(asked.params) : modelProblems(choice.model, asked.params);
  if (asked.params.add_to_beatmap) {
    const detail = 'adding to a beatmap is not possible yet; a beatmap_file gives its timing to a new one';
    problems.push({ field: 'add_to_beatmap', code: 'not_supported', detail });
  }
  for (const field of ['bpm', 'offset'] as const) {
    if (!asked.hasReference || asked.params[field] === undefined) continue;
    const detail = 'cannot be given beside a beatmap_file, which has the whole timing';
    problems.push({ field, code: 'invalid_value', detail });
  }
  if (asked.hasReference && choice.engine !== 'builtin') {
    const detail = 'only the built-in generator (model=builtin) takes the timing of a beatmap as yet';
    problems.push({ field: 'beatmap_file', code: 'not_supported', detail });
  }
  if (problems.length > 0) throw fieldProblems(problems);

  const builtinWorkers = workers.filter((worker) => worker.engines.includes('builtin'));
  const decodable = builtinWorkers.some((worker) => worker.formats.includes(asked.format));
  if (choice.engine === 'builtin' && asked.format === 'm4a' && !decodable) {
    throw unsupportedAudio('m4a needs ffmpeg on the PATH of a worker, and none has it');
  }
  return choice.engine === 'builtin'
    ? { ...choice, warnings: [...choice.warnings, ...unusedBy(asked.params)] }
    : choice;
}

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

/** What the embedded generator does not know how to follow. It says so instead of dropping it. */
const unused = ['mapper_id', 'cfg_scale', 'temperature', 'top_p'] as const;
/** What means something in some modes only. */
const unusedInMode: Partial<Record<keyof Params, readonly number[]>> = {
  keycount: [0, 1, 2],
  hold_note_ratio: [0, 1, 2],
  scroll_speed_ratio: [0, 2],
  circle_size: [3],
  year: [1, 2, 3],
};

function unusedBy(params: Params): string[] {
  const inMode = Object.entries(unusedInMode).filter(([, modes]) => modes.includes(params.gamemode));
  const names = [...unused, ...inMode.map(([name]) => name as keyof Params)];
  const named = names.filter((name) => params[name] !== undefined);
  return named.length === 0 ? [] : [`The built-in generator makes no use of: ${named.join(', ')}.`];
}
