import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { FieldProblem } from './problems.ts';
import type { Params } from './request.ts';

/** The name of the embedded generator, as a model. */
export const builtinModel = 'builtin';

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

/** The names of the published models, best first. */
export const modelNames: readonly string[] = Object.keys(facts);

const builtinFacts: ModelFacts = { gamemodes: [0], years: null, in_context: [], output_type: ['TIMING', 'MAP'], descriptors: null };

/** What a model can do; an empty object for one that only its owner knows. */
export function modelFacts(name: string): Partial<ModelFacts> {
  return name === builtinModel ? builtinFacts : (facts[name] ?? {});
}

/** What a model would choke on after minutes of loading, refused before: one problem a field. */
export function modelProblems(name: string, params: Params): FieldProblem[] {
  const { gamemodes, descriptors } = modelFacts(name);
  const problems: FieldProblem[] = [];
  if (gamemodes && !gamemodes.includes(params.gamemode)) {
    const detail = `the model ${name} makes maps for gamemode ${gamemodes.join(', ')} only`;
    problems.push({ field: 'gamemode', code: 'mode_not_available', detail });
  }
  for (const field of ['descriptors', 'negative_descriptors'] as const) {
    if (descriptors === null && params[field]) {
      problems.push({ field, code: 'not_supported', detail: `the model ${name} knows no descriptors` });
    }
  }
  return problems;
}

/** The models that a checkout of Mapperatorinator has configs for. `default` is their common base and does not run. */
export async function installedModels(home: string): Promise<string[]> {
  const files = await readdir(configFolder(home)).catch(() => []);
  const names = files.filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -'.yaml'.length));
  return names.filter((name) => name !== 'default').sort();
}

const configFolder = (home: string) => join(home, 'configs', 'inference');

/** A model's own values over those of `default.yaml`. Local paths are left out. Throws when the file cannot be read. */
export async function readModelConfig(home: string, name: string): Promise<Record<string, unknown>> {
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
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isLocalPath(value)));
}

const isLocalPath = (value: unknown) => typeof value === 'string' && /^(\/|~|[a-zA-Z]:\\)/.test(value);
