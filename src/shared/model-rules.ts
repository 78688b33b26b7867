import { vocabularies } from './descriptors.ts';
import { builtinModel, modelFacts, type ModelFacts } from './models.ts';
import type { FieldProblem } from './problems.ts';
import type { ReferenceBeatmap } from './reference-beatmap.ts';
import type { ContextName, Params } from './request.ts';

/**
 * What a model would choke on after minutes of loading, refused before. The ranges that hold for every model are the request's own
 * (request.ts).
 */

/** Whether somebody has told the timing: in a beatmap, or as tempo and offset together. */
const isTimingKnown = ({ bpm, offset }: Pick<Params, 'bpm' | 'offset'>, hasReference: boolean) =>
  hasReference || (bpm !== undefined && offset !== undefined);

/** What is taken from a beatmap where nothing else is asked for: the timing, if it is known. */
export const contextsOf = (
  params: Pick<Params, 'in_context' | 'bpm' | 'offset'>,
  hasReference: boolean,
): ContextName[] | undefined => params.in_context ?? (isTimingKnown(params, hasReference) ? ['TIMING'] : undefined);

/** What the steps of a run depend on. */
export type StepParams = Pick<Params, 'gamemode' | 'in_context' | 'output_type' | 'super_timing'>;

/**
 * What the program writes, in order, as its `generate()` chooses: timing first where no beatmap gives it, then whatever comes in the
 * model's order up to the last thing that is asked for, without what is given. Null where it would end with "No requested output
 * contexts"; empty where all is given. `in_context` unset: nothing is given.
 */
export function generatedContexts(model: string, params: StepParams): ContextName[] | null {
  const { output_type: order = ['TIMING', 'MAP', 'SV'], super_timing: superTiming = false } = modelFacts(model);
  const given = params.in_context ?? [];
  const asked = params.output_type ?? order;
  const isFree = given.length === 0 || given.includes('NONE');
  const findsTiming = order.includes('TIMING') && (asked.includes('TIMING') || asked.includes('MAP'));
  const timingFirst = isFree && ((params.super_timing ?? superTiming) || findsTiming);
  const first: ContextName[] = timingFirst ? ['TIMING'] : [];
  const known = timingFirst ? [...given, 'TIMING'] : given;
  const left = timingFirst ? asked.filter((name) => name !== 'TIMING') : asked;
  if (left.length === 0) return first;
  const possible = order.filter((name) => left.includes(name) && (name !== 'SV' || params.gamemode === 3));
  const last = possible.at(-1);
  if (last === undefined) return null;
  return [...first, ...order.slice(0, order.indexOf(last) + 1).filter((name) => !known.includes(name))];
}

/**
 * What is refused before a worker sees it. Of a model that only its owner knows nothing is refused but what no model can do.
 * `loras`: those that workers have.
 */
export function modelProblems(
  name: string,
  params: Params,
  reference: Pick<ReferenceBeatmap, 'gamemode' | 'objects'> | null = null,
  loras: readonly string[] = [],
): FieldProblem[] {
  const { gamemodes, years, descriptors } = modelFacts(name);
  const problems: FieldProblem[] = [];
  const refuse = (field: string, code: string, detail: string) => problems.push({ field, code, detail });
  if (gamemodes && !gamemodes.includes(params.gamemode)) {
    const detail = `the model ${name} makes maps for gamemode ${gamemodes.join(', ')} only`;
    refuse('gamemode', 'mode_not_available', detail);
  }
  if (years && params.year !== undefined && (params.year < years[0] || params.year > years[1])) {
    refuse('year', 'invalid_value', `the model ${name} knows the years ${years[0]} to ${years[1]}`);
  }
  for (const field of ['descriptors', 'negative_descriptors'] as const) {
    const problem = descriptors !== undefined && descriptorProblem(name, descriptors, params[field] ?? []);
    if (problem) problems.push({ field, ...problem });
  }
  if (params.lora_path !== undefined && !loras.includes(params.lora_path)) {
    const known = loras.length === 0 ? 'there is none here now' : `known are ${loras.join(', ')}`;
    refuse('lora_path', 'unknown_lora', `no worker has the LoRA ${params.lora_path}; ${known}`);
  }
  return [...problems, ...contextProblems(name, params, reference), ...additionProblems(params, reference)];
}

function descriptorProblem(model: string, vocabulary: ModelFacts['descriptors'], names: string[]) {
  if (names.length === 0) return null;
  if (vocabulary === null) return { code: 'not_supported', detail: `the model ${model} knows no descriptors` };
  const unknown = names.filter((name) => !vocabularies[vocabulary].has(name));
  if (unknown.length === 0) return null;
  const list = unknown.map((name) => `"${name}"`).join(', ');
  return { code: 'unknown_descriptor', detail: `the model ${model} does not know ${list}` };
}

type Reference = Pick<ReferenceBeatmap, 'gamemode' | 'objects'> | null;

/** One problem a field. */
function contextProblems(model: string, params: Params, reference: Reference): FieldProblem[] {
  const given = contextsOf(params, reference !== null) ?? [];
  const taken = given.filter((name) => name !== 'NONE');
  const input = notOffered(model, 'in_context', params) ?? inputProblem(taken, given, params, reference);
  if (input) return [{ field: 'in_context', ...input }];
  const offered = notOffered(model, 'output_type', params);
  if (offered) return [{ field: 'output_type', ...offered }];
  const generated = generatedContexts(model, { ...params, in_context: given });
  if (generated && generated.length > 0) return [];
  const reason = generated ? 'all of it is given by in_context' : 'SV alone is made in mania (gamemode 3) only';
  return [{ field: 'output_type', code: 'invalid_value', detail: `leaves nothing to make: ${reason}` }];
}

function notOffered(model: string, field: 'in_context' | 'output_type', params: Params) {
  const known = modelFacts(model)[field];
  if (!known || (params[field] ?? []).every((name) => known.includes(name))) return null;
  return { code: 'not_supported', detail: `the model ${model} takes ${known.join(', ')}` };
}

function inputProblem(taken: ContextName[], given: ContextName[], params: Params, reference: Reference) {
  if (taken.length === 0) return null;
  const isOnlyTiming = taken.every((name) => name === 'TIMING');
  if (!reference && !(isOnlyTiming && isTimingKnown(params, false))) {
    return { code: 'beatmap_required', detail: `${taken.join(', ')} is taken from a beatmap_file, and none was sent` };
  }
  if (given.includes('NONE') && given.includes('TIMING')) {
    return { code: 'invalid_value', detail: 'NONE has the timing found anew, so that TIMING would be left out' };
  }
  if (given.includes('GD') && given.includes('NO_HS')) {
    return { code: 'invalid_value', detail: 'GD and NO_HS exclude each other' };
  }
  const [notes] = taken.filter((name) => ['MAP', 'GD', 'NO_HS'].includes(name));
  if (notes && reference?.objects === 0) {
    return { code: 'invalid_beatmap', detail: `${notes} needs a beatmap_file with objects` };
  }
  if (notes && notes !== 'GD' && reference?.gamemode !== params.gamemode) {
    return { code: 'mode_mismatch', detail: `${notes} needs a beatmap_file of gamemode ${params.gamemode}` };
  }
  return null;
}

/** What would not fit into a beatmap that is added to: its own cannot be changed. */
const ownWhenAddedTo = ['slider_multiplier', 'keycount'] as const;

function additionProblems(params: Params, reference: Reference): FieldProblem[] {
  if (!params.add_to_beatmap) return [];
  if (!reference) {
    const detail = 'needs a beatmap_file to add to';
    return [{ field: 'add_to_beatmap', code: 'beatmap_required', detail }];
  }
  const detail = 'the beatmap that is added to has its own, which stays';
  const own = ownWhenAddedTo.filter((field) => params[field] !== undefined);
  const problems: FieldProblem[] = own.map((field) => ({ field, code: 'invalid_value', detail }));
  if (reference.gamemode === params.gamemode) return problems;
  const mismatch = `the beatmap that is added to is of gamemode ${reference.gamemode}`;
  return [...problems, { field: 'gamemode', code: 'mode_mismatch', detail: mismatch }];
}

/** What the built-in generator cannot do of what the models can. It always writes everything, and takes a timing that is there. */
export function builtinContextProblems(params: Params, hasReference: boolean): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const refuse = (field: string, code: string, detail: string) => problems.push({ field, code, detail });
  const given = params.in_context ?? [];
  const offered = notOffered(builtinModel, 'in_context', params);
  if (offered) refuse('in_context', offered.code, offered.detail);
  else if (given.includes('TIMING') && !hasReference) {
    refuse('in_context', 'beatmap_required', 'TIMING is taken from a beatmap_file, and none was sent');
  } else if (given.includes('NONE') && hasReference) {
    refuse('in_context', 'not_supported', 'the built-in generator takes the timing of a beatmap_file that is sent');
  }
  if (params.output_type && !params.output_type.includes('MAP')) {
    refuse('output_type', 'not_supported', 'the built-in generator makes whole maps only (MAP)');
  }
  if (params.add_to_beatmap) {
    refuse('add_to_beatmap', 'not_supported', 'the built-in generator makes new maps only; a model can add to one');
  }
  return problems;
}
