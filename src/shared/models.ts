import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { FieldProblem } from './problems.ts';
import type { ContextName, Params } from './request.ts';

/** The name of the embedded generator, as a model. */
export const builtinModel = 'builtin';

/** What a request says for: the best model that is there. */
export const defaultModel = 'default';

export interface ModelFacts {
  /** 0 osu!, 1 taiko, 2 catch, 3 mania. */
  gamemodes: number[];
  /** Whether the model has a year token, and the years it was trained on. */
  years: [number, number] | null;
  /** What it can take from a beatmap. */
  in_context: ContextName[];
  /** What it writes, one after the other. */
  output_type: ContextName[];
  descriptors: 'user_tags' | 'omdb' | null;
  /** What its network can be run with: those of v30 and later fail in `eager` (seen with tiny checkpoints). */
  attn_implementation: NonNullable<Params['attn_implementation']>[];
  /** Parameters that it has no token or no use for. */
  ignores: (keyof Params)[];
  /** Whether it finds positions by diffusion, with a second model, unless told otherwise. */
  generate_positions: boolean;
  /** Whether super timing is on unless told otherwise. */
  super_timing: boolean;
}

const allModes = [0, 1, 2, 3];
/** Of models that write the type of an object before its time. */
const typeTemperatures = ['timing_temperature', 'mania_column_temperature', 'taiko_hit_temperature'] as const;
const omdb = {
  gamemodes: allModes,
  years: [2007, 2023],
  in_context: ['NONE', 'TIMING', 'KIAI', 'MAP', 'GD', 'NO_HS'],
  output_type: ['TIMING', 'KIAI', 'MAP', 'SV'],
  descriptors: 'omdb',
  attn_implementation: ['auto', 'eager', 'sdpa', 'flash_attention_2'],
} satisfies Partial<ModelFacts>;
const userTags: ModelFacts = {
  gamemodes: allModes,
  years: [2007, 2024],
  in_context: ['NONE', 'TIMING'],
  output_type: ['TIMING', 'MAP', 'SV'],
  descriptors: 'user_tags',
  attn_implementation: ['auto', 'sdpa', 'flash_attention_2'],
  ignores: [...typeTemperatures],
  generate_positions: false,
  super_timing: false,
};

/** The published models, best first. Facts from the project's training configs and web UI (2026-07). */
const facts: Record<string, ModelFacts> = {
  v32: userTags,
  'v32-mini': userTags,
  v31: {
    ...omdb,
    attn_implementation: userTags.attn_implementation,
    ignores: [],
    generate_positions: false,
    super_timing: false,
  },
  v30: {
    gamemodes: [0],
    years: null,
    in_context: ['NONE', 'TIMING'],
    output_type: ['MAP'],
    descriptors: null,
    attn_implementation: userTags.attn_implementation,
    ignores: [...typeTemperatures, 'year', 'hitsounded'],
    generate_positions: false,
    super_timing: false,
  },
  v29: { ...omdb, ignores: [], generate_positions: true, super_timing: true },
  v28: { ...omdb, ignores: [], generate_positions: true, super_timing: true },
};

/** What is asked for where nobody says which, and no worker is there to look at. */
export const bestModel = 'v32';

/** The names of the published models, best first. */
export const modelNames: readonly string[] = Object.keys(facts);

/** What the embedded generator does not know how to follow. */
const foreignToBuiltin = [
  'mapper_id',
  'beatmap_id',
  'cfg_scale',
  'temperature',
  ...typeTemperatures,
  'timeshift_bias',
  'top_p',
  'top_k',
  'do_sample',
  'num_beams',
  'parallel',
  'lookback',
  'lookahead',
  'timing_leniency',
  'timer_num_beams',
  'timer_bpm_threshold',
  'timer_cfg_scale',
  'timer_iterations',
  'resnap_events',
  'snap_near_perfect_overlaps',
  'generate_positions',
  'diff_cfg_scale',
  'precision',
  'attn_implementation',
  'lora_path',
] as const;

const builtinFacts: ModelFacts = {
  gamemodes: allModes,
  years: null,
  in_context: ['NONE', 'TIMING'],
  output_type: ['TIMING', 'KIAI', 'MAP', 'SV'],
  descriptors: 'user_tags',
  attn_implementation: omdb.attn_implementation,
  ignores: [...foreignToBuiltin],
  generate_positions: false,
  super_timing: false,
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
