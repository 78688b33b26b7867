import type { Config } from '../shared/config.ts';
import { bestModel, builtinModel, modelNames, modelProblems } from '../shared/models.ts';
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
    const detail = 'needs a reference beatmap, which this service does not take yet';
    problems.push({ field: 'add_to_beatmap', code: 'reference_beatmap_required', detail });
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
const unused = [
  'year',
  'mapper_id',
  'keycount',
  'hold_note_ratio',
  'scroll_speed_ratio',
  'cfg_scale',
  'temperature',
  'top_p',
  'super_timing',
  'descriptors',
  'negative_descriptors',
] as const;

function unusedBy(params: Params): string[] {
  const named = unused.filter((name) => params[name] !== undefined);
  return named.length === 0 ? [] : [`The built-in generator makes no use of: ${named.join(', ')}.`];
}

function builtinProblems(params: Params) {
  if (params.gamemode === 0) return [];
  const detail = 'the built-in generator makes osu!standard maps (gamemode 0) only';
  return [{ field: 'gamemode', code: 'mode_not_available', detail }];
}
