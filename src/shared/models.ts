import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { vocabularies } from './descriptors.ts';
import type { FieldProblem } from './problems.ts';
import type { Params } from './request.ts';

/** The name of the embedded generator, as a model. */
export const builtinModel = 'builtin';

/** What a request says for: the best model that is there. */
export const defaultModel = 'default';

interface ModelFacts {
  /** 0 osu!, 1 taiko, 2 catch, 3 mania. */
  gamemodes: number[];
  /** Whether the model has a year token, and the years it was trained on. */
  years: [number, number] | null;
  in_context: string[];
  output_type: string[];
  descriptors: 'user_tags' | 'omdb' | null;
}

const allModes = [0, 1, 2, 3];
const contexts = ['NONE', 'TIMING', 'KIAI', 'MAP', 'GD', 'NO_HS'];
const omdb = { gamemodes: allModes, in_context: contexts, output_type: ['TIMING', 'KIAI', 'MAP', 'SV'] };

/** The published models, best first. Facts from the project's training configs and web UI (2026-07). */
const facts: Record<string, ModelFacts> = {
  v32: {
    gamemodes: allModes,
    years: [2007, 2024],
    in_context: ['NONE', 'TIMING'],
    output_type: ['TIMING', 'MAP', 'SV'],
    descriptors: 'user_tags',
  },
  'v32-mini': {
    gamemodes: allModes,
    years: [2007, 2024],
    in_context: ['NONE', 'TIMING'],
    output_type: ['TIMING', 'MAP', 'SV'],
    descriptors: 'user_tags',
  },
  v31: { ...omdb, years: [2007, 2023], descriptors: 'omdb' },
  v30: { gamemodes: [0], years: null, in_context: ['TIMING'], output_type: ['MAP'], descriptors: null },
  v29: { ...omdb, years: [2007, 2023], descriptors: 'omdb' },
  v28: { ...omdb, years: [2007, 2023], descriptors: 'omdb' },
};

/** What is asked for where nobody says which, and no worker is there to look at. */
export const bestModel = 'v32';

/** The names of the published models, best first. */
export const modelNames: readonly string[] = Object.keys(facts);

const builtinFacts: ModelFacts = {
  gamemodes: allModes,
  years: null,
  in_context: ['TIMING'],
  output_type: ['TIMING', 'KIAI', 'MAP', 'SV'],
  descriptors: 'user_tags',
};

/** Numbers of keys that a ranked mania map can have. */
export const keyCounts: readonly number[] = [4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18];
/** The ranking criteria's tick rates. */
export const tickRates: readonly number[] = [0.5, 1, 1.333, 1.5, 2, 3, 4, 5, 6, 7, 8];

/**
 * What would break a rule of a valid map (mapping rule B11: settings have one decimal, tick rate and keys are of a list), so that it is
 * refused and not changed behind the client's back.
 */
export function builtinProblems(params: Params): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const refuse = (field: string, detail: string) => problems.push({ field, code: 'invalid_value', detail });
  for (const field of ['hp_drain_rate', 'circle_size', 'overall_difficulty', 'approach_rate'] as const) {
    const value = params[field];
    if (value !== undefined && !hasOneDecimal(value)) refuse(field, 'must have at most one decimal');
  }
  const { keycount, slider_tick_rate: rate } = params;
  if (params.gamemode === 3 && keycount !== undefined && !keyCounts.includes(keycount)) {
    refuse('keycount', `must be one of ${keyCounts.join(', ')}`);
  }
  if (rate !== undefined && !tickRates.some((allowed) => Math.abs(allowed - rate) < 1e-3)) {
    refuse('slider_tick_rate', `must be one of ${tickRates.join(', ')}`);
  }
  return problems;
}

const hasOneDecimal = (value: number) => Math.abs(value * 10 - Math.round(value * 10)) < 1e-9;

/** What a model can do; an empty object for one that only its owner knows. */
export function modelFacts(name: string): Partial<ModelFacts> {
  return name === builtinModel ? builtinFacts : (facts[name] ?? {});
}

/**
 * What a model would choke on after minutes of loading, or quietly leave out: refused before, one problem a field. Of a
 * model that only its owner knows nothing is refused. The ranges that hold for every model are the request's own.
 */
export function modelProblems(name: string, params: Params): FieldProblem[] {
  const { gamemodes, years, descriptors } = modelFacts(name);
  const problems: FieldProblem[] = [];
  if (gamemodes && !gamemodes.includes(params.gamemode)) {
    const detail = `the model ${name} makes maps for gamemode ${gamemodes.join(', ')} only`;
    problems.push({ field: 'gamemode', code: 'mode_not_available', detail });
  }
  if (years && params.year !== undefined && (params.year < years[0] || params.year > years[1])) {
    const detail = `the model ${name} knows the years ${years[0]} to ${years[1]}`;
    problems.push({ field: 'year', code: 'invalid_value', detail });
  }
  for (const field of ['descriptors', 'negative_descriptors'] as const) {
    const problem = descriptors !== undefined && descriptorProblem(name, descriptors, params[field] ?? []);
    if (problem) problems.push({ field, ...problem });
  }
  return problems;
}

function descriptorProblem(model: string, vocabulary: ModelFacts['descriptors'], names: string[]) {
  if (names.length === 0) return null;
  if (vocabulary === null) return { code: 'not_supported', detail: `the model ${model} knows no descriptors` };
  const unknown = names.filter((name) => !vocabularies[vocabulary].has(name));
  if (unknown.length === 0) return null;
  const list = unknown.map((name) => `"${name}"`).join(', ');
  return { code: 'unknown_descriptor', detail: `the model ${model} does not know ${list}` };
}

/** The models that a checkout of Mapperatorinator has configs for. `default` is their common base and does not run. */
export async function installedModels(home: string): Promise<string[]> {
  const files = await readdir(configFolder(home)).catch(() => []);
  const names = files.filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -'.yaml'.length));
  return names.filter((name) => name !== defaultModel).sort();
}

export const configFolder = (home: string) => join(home, 'configs', 'inference');

/**
 * A model's own values over those of `default.yaml`, for people: local paths are left out. Throws when the name is not one of
 * `installedModels` or a file cannot be read.
 */
export async function readModelConfig(home: string, name: string): Promise<Record<string, unknown>> {
  const values = await readWholeConfig(home, name);
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isLocalPath(value)));
}

/** As `readModelConfig`, with local paths: for this host only. */
export async function readWholeConfig(home: string, name: string): Promise<Record<string, unknown>> {
  if (!(await installedModels(home)).includes(name)) throw new Error(`"${name}" is not an installed model.`);
  const layers = await Promise.all(
    ['default', name].map(async (layer) => {
      const text = await readFile(join(configFolder(home), `${layer}.yaml`), 'utf8').catch((error: unknown) => {
        if (layer === 'default') return '';
        throw error;
      });
      return (parse(text) ?? {}) as Record<string, unknown>;
    }),
  );
  const { defaults: _defaults, hydra: _hydra, ...values } = Object.assign({}, ...layers) as Record<string, unknown>;
  return values;
}

const isLocalPath = (value: unknown) => typeof value === 'string' && /^([/\\~]|[a-zA-Z]:[\\/])/.test(value);
