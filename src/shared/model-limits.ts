import { vocabularies } from './descriptors.ts';
import type { Limit } from './fields.ts';
import { contextsOf } from './model-rules.ts';
import { builtinModel, keyCounts, modelFacts, tickRates, type ModelFacts } from './models.ts';
import { parameterLimits, type Params } from './request.ts';

/** What a model takes, for a page to show before anything is sent, and what of a request it has no use for. */

/** What means something in some modes only. */
const modesOf: Partial<Record<keyof Params, readonly number[]>> = {
  keycount: [3],
  hold_note_ratio: [3],
  scroll_speed_ratio: [1, 3],
  circle_size: [0, 1, 2],
  mania_column_temperature: [3],
  taiko_hit_temperature: [1],
};
/** The built-in generator's years are a style of osu!'s. */
const builtinModesOf: typeof modesOf = { ...modesOf, year: [0] };
const modesFor = (model: string) => (model === builtinModel ? builtinModesOf : modesOf);

const superTimingOnly = ['timer_num_beams', 'timer_bpm_threshold', 'timer_cfg_scale', 'timer_iterations'] as const;
const samplingOnly = ['temperature', 'top_p', 'top_k'] as const;
/** What a beatmap that is added to keeps. */
const keptWhenAddedTo = [
  'title',
  'artist',
  'title_unicode',
  'artist_unicode',
  'creator',
  'version',
  'source',
  'tags',
  'preview_time',
] as const;

/** A warning that names the parameters that were sent and that this model, or this request, has no use for. */
export function unusedWarnings(model: string, params: Params, hasReference: boolean): string[] {
  const byMode = Object.entries(modesFor(model)).filter(([, modes]) => !modes.includes(params.gamemode));
  const names: (keyof Params)[] = [
    ...(modelFacts(model).ignores ?? []),
    ...byMode.map(([name]) => name as keyof Params),
    ...(model === builtinModel ? [] : unusedHere(model, params, hasReference)),
  ];
  const sent = [...new Set(names)].filter((name) => params[name] !== undefined);
  const subject = model === builtinModel ? 'The built-in generator' : `The model ${model}`;
  return [
    ...(sent.length === 0 ? [] : [`${subject} makes no use of: ${sent.join(', ')}.`]),
    ...(params.parallel && model !== builtinModel ? ['Maps that are made in parallel are often blank in parts.'] : []),
  ];
}

/** What only counts together with something else. */
function unusedHere(model: string, params: Params, hasReference: boolean): (keyof Params)[] {
  const facts = modelFacts(model);
  const given = contextsOf(params, hasReference) ?? [];
  const findsTiming = given.length === 0 || given.includes('NONE');
  const superTiming = findsTiming && (params.super_timing ?? facts.super_timing ?? true);
  const moves = params.gamemode === 0 || params.gamemode === 2;
  const positions = moves && (params.generate_positions ?? facts.generate_positions ?? true);
  return [
    ...(superTiming ? [] : superTimingOnly),
    ...(params.super_timing && !findsTiming ? (['super_timing'] as const) : []),
    ...(positions ? [] : (['diff_cfg_scale'] as const)),
    ...(params.generate_positions && !moves ? (['generate_positions'] as const) : []),
    ...((params.cfg_scale ?? 1) > 1 ? [] : (['negative_descriptors'] as const)),
    ...(params.do_sample === false ? samplingOnly : []),
    ...(given.includes('TIMING') && !hasReference ? [] : (['bpm', 'offset'] as const)),
    ...(params.add_to_beatmap ? keptWhenAddedTo : []),
  ];
}

/** What a model takes for one parameter. */
export interface ModelLimit extends Omit<Limit, 'enum'> {
  enum?: readonly (string | number | boolean)[];
  multipleOf?: number;
  /** The names of an array's items with the modes that each is for. */
  choices?: { name: string; gamemodes: readonly number[] }[];
  /** The modes in which it means something; left out: all. */
  gamemodes?: readonly number[];
  /** The model makes no use of it. */
  ignored?: true;
}

/** Limits of every parameter for one model, as `GET /models/{name}` shows them. `loras`: those that workers have. */
export function modelLimits(model: string, loras: readonly string[]): Record<string, ModelLimit> {
  const own = ownLimits(model, modelFacts(model), loras);
  return Object.fromEntries(
    Object.entries(parameterLimits).map(([name, limit]) => {
      const gamemodes = modesFor(model)[name as keyof Params];
      const isIgnored = modelFacts(model).ignores?.includes(name as keyof Params);
      return [name, { ...limit, ...own[name], ...(gamemodes && { gamemodes }), ...(isIgnored && { ignored: true }) }];
    }),
  );
}

function ownLimits(model: string, facts: Partial<ModelFacts>, loras: readonly string[]) {
  const own: Record<string, Partial<ModelLimit>> = { lora_path: { enum: loras } };
  const { gamemodes, years, descriptors, in_context: input, output_type: output } = facts;
  if (gamemodes) own['gamemode'] = { minimum: Math.min(...gamemodes), maximum: Math.max(...gamemodes) };
  if (years) own['year'] = { minimum: years[0], maximum: years[1] };
  if (input) own['in_context'] = { enum: input };
  if (output) own['output_type'] = { enum: output };
  if (descriptors !== undefined) {
    const known = descriptors === null ? [] : [...vocabularies[descriptors]];
    const choices = known.map(([name, modes]) => ({ name, gamemodes: modes }));
    own['descriptors'] = own['negative_descriptors'] = { choices };
  }
  if (model !== builtinModel) return own;
  for (const name of ['hp_drain_rate', 'circle_size', 'overall_difficulty', 'approach_rate']) {
    own[name] = { multipleOf: 0.1 };
  }
  return {
    ...own,
    keycount: { enum: keyCounts },
    slider_tick_rate: { enum: tickRates },
    add_to_beatmap: { enum: [false] },
  };
}
