import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { vocabularies } from '../src/shared/descriptors.ts';
import { modelLimits, unusedWarnings } from '../src/shared/model-limits.ts';
import { builtinContextProblems, contextsOf, generatedContexts, modelProblems } from '../src/shared/model-rules.ts';
import { installedModels, modelNames, readModelConfig } from '../src/shared/models.ts';
import { parameterLimits, parameterNames, type Params } from '../src/shared/request.ts';

const home = fileURLToPath(new URL('./fixtures/mapperatorinator/home', import.meta.url));
const params = (more: Partial<Params> = {}): Params => ({
  gamemode: 0,
  difficulty: 5,
  export_osz: true,
  add_to_beatmap: false,
  ...more,
});
const codes = (model: string, more: Partial<Params>) =>
  modelProblems(model, params(more)).map(({ field, code }) => `${field} ${code}`);

describe('the models of a checkout', () => {
  it('are its config files without the base of them all', async () => {
    expect(await installedModels(home)).toEqual(['v30', 'v32']);
    expect(await installedModels('/nonexistent')).toEqual([]);
  });

  it('have their own values over the common ones, without local paths', async () => {
    expect(await readModelConfig(home, 'v32')).toEqual({
      model_path: 'OliBomby/Mapperatorinator-v32',
      temperature: 0.9,
      top_p: 0.9,
      super_timing: false,
      generate_positions: false,
      in_context: [],
      output_type: ['TIMING', 'MAP', 'SV'],
    });
  });

  it.each(['../inference/v32', 'default', 'v31'])('are not read by the name %s', async (name) => {
    await expect(readModelConfig(home, name)).rejects.toThrow('is not an installed model');
  });
});

describe('a request for a model', () => {
  it('is fine for every published model when it asks for osu! alone', () => {
    expect(modelNames.flatMap((name) => codes(name, {}))).toEqual([]);
  });

  it('is refused for a mode that the model has not learnt', () => {
    expect(codes('v30', { gamemode: 3 })).toEqual(['gamemode mode_not_available']);
    expect(codes('v32', { gamemode: 3 })).toEqual([]);
  });

  it('is refused for a year that the model has not learnt, where it has learnt years', () => {
    expect(codes('v32', { year: 2024 })).toEqual([]);
    expect(codes('v32', { year: 2025 })).toEqual(['year invalid_value']);
    expect(codes('v31', { year: 2024 })).toEqual(['year invalid_value']);
    expect(codes('v30', { year: 2050 })).toEqual([]);
  });

  it('is refused for descriptors of another vocabulary, and names them', () => {
    expect(codes('v32', { descriptors: ['style/clean', 'style/LN mixed '] })).toEqual([]);
    expect(codes('v31', { descriptors: ['jump aim'] })).toEqual([]);
    expect(codes('v30', { descriptors: ['jump aim'] })).toEqual(['descriptors not_supported']);
    const [problem] = modelProblems('v32', params({ negative_descriptors: ['jump aim', 'style/clean'] }));
    expect(problem).toMatchObject({ field: 'negative_descriptors', code: 'unknown_descriptor' });
    expect(problem?.detail).toContain('"jump aim"');
    expect(problem?.detail).not.toContain('clean');
  });

  it('is not judged for a model that only its owner knows', () => {
    expect(codes('my-own', { gamemode: 3, year: 2050, descriptors: ['anything'] })).toEqual([]);
  });
});

describe('what is taken from a beatmap', () => {
  const osu = { gamemode: 0, objects: 20 };
  const taken = (model: string, more: Partial<Params>, reference: typeof osu | null = osu) =>
    modelProblems(model, params(more), reference).map(({ field, code }) => `${field} ${code}`);

  it.each<[string, Partial<Params>, string[]]>([
    ['v32', {}, []],
    ['v32', { in_context: ['NONE'] }, []],
    ['v32', { in_context: ['TIMING'] }, []],
    ['v32', { in_context: ['GD'] }, ['in_context not_supported']],
    ['v31', { in_context: ['GD'] }, []],
    ['v31', { in_context: ['GD', 'TIMING', 'KIAI'] }, []],
    ['v31', { in_context: ['GD', 'NO_HS'] }, ['in_context invalid_value']],
    ['v31', { in_context: ['NONE', 'TIMING'] }, ['in_context invalid_value']],
    ['v31', { in_context: ['NONE', 'GD'] }, []],
    ['v31', { in_context: ['MAP'], gamemode: 3 }, ['in_context mode_mismatch']],
    ['v31', { in_context: ['NO_HS'], gamemode: 3 }, ['in_context mode_mismatch']],
    ['v31', { in_context: ['GD'], gamemode: 3 }, []],
    ['v30', { in_context: ['TIMING'] }, []],
    ['my-own', { in_context: ['SV', 'GD'] }, []],
    ['v32', { add_to_beatmap: true }, []],
    ['v32', { add_to_beatmap: true, gamemode: 1 }, ['gamemode mode_mismatch']],
    ['v32', { add_to_beatmap: true, slider_multiplier: 2 }, ['slider_multiplier invalid_value']],
  ])('%s with %j: %j', (model, more, problems) => {
    expect(taken(model, more)).toEqual(problems);
  });

  it('needs a beatmap, and one with objects for what lies in them; tempo and offset together are a timing', () => {
    expect(taken('v31', { in_context: ['KIAI'] }, null)).toEqual(['in_context beatmap_required']);
    expect(taken('v31', { in_context: ['GD'] }, { gamemode: 0, objects: 0 })).toEqual(['in_context invalid_beatmap']);
    expect(taken('v32', { in_context: ['TIMING'], bpm: 150 }, null)).toEqual(['in_context beatmap_required']);
    expect(taken('v32', { in_context: ['TIMING'], bpm: 150, offset: 0 }, null)).toEqual([]);
    expect(taken('my-own', { add_to_beatmap: true }, null)).toEqual(['add_to_beatmap beatmap_required']);
  });

  it('is its timing where nothing else is said', () => {
    expect(contextsOf({}, true)).toEqual(['TIMING']);
    expect(contextsOf({ in_context: ['GD'] }, true)).toEqual(['GD']);
    expect(contextsOf({ bpm: 150, offset: 0 }, false)).toEqual(['TIMING']);
    expect(contextsOf({ bpm: 150 }, false)).toBeUndefined();
  });

  it('is for the built-in generator the timing alone', () => {
    const builtin = (more: Partial<Params>, hasReference: boolean) =>
      builtinContextProblems(params(more), hasReference).map(({ field, code }) => `${field} ${code}`);
    expect(builtin({ in_context: ['TIMING'], output_type: ['MAP', 'SV'] }, true)).toEqual([]);
    expect(builtin({ in_context: ['TIMING'] }, false)).toEqual(['in_context beatmap_required']);
    expect(builtin({ in_context: ['NONE'] }, true)).toEqual(['in_context not_supported']);
    expect(builtin({ in_context: ['GD'] }, true)).toEqual(['in_context not_supported']);
    expect(builtin({ output_type: ['TIMING'] }, false)).toEqual(['output_type not_supported']);
    expect(builtin({ add_to_beatmap: true }, true)).toEqual(['add_to_beatmap not_supported']);
  });
});

/** Each seen in a run of the real program with a tiny checkpoint of the model's layout. */
describe('what the program writes', () => {
  it.each<[string, Partial<Params>, string | null]>([
    ['v32', {}, 'TIMING MAP'],
    ['v32', { gamemode: 3 }, 'TIMING MAP SV'],
    ['v32', { in_context: ['TIMING'] }, 'MAP'],
    ['v32', { output_type: ['TIMING'] }, 'TIMING'],
    ['v32', { output_type: ['MAP'] }, 'TIMING MAP'],
    ['v32', { output_type: ['SV'] }, null],
    ['v32', { output_type: ['TIMING', 'SV'] }, null],
    ['v32', { output_type: ['SV'], gamemode: 3 }, 'TIMING MAP SV'],
    ['v32', { in_context: ['TIMING'], output_type: ['TIMING'] }, ''],
    ['v31', { in_context: ['GD', 'TIMING'] }, 'KIAI MAP'],
    ['v31', { in_context: ['GD'] }, 'TIMING KIAI MAP'],
    ['v31', { in_context: ['KIAI', 'TIMING'] }, 'MAP'],
    ['v31', { in_context: ['MAP', 'TIMING'], output_type: ['KIAI'] }, 'KIAI'],
    ['v30', {}, 'MAP'],
    ['v30', { super_timing: true }, 'TIMING MAP'],
    ['v30', { in_context: ['TIMING'], super_timing: true }, 'MAP'],
  ])('for %s with %j is %s', (model, more, contexts) => {
    expect(generatedContexts(model, params(more))?.join(' ') ?? null).toBe(contexts);
  });

  it('is refused where it would be nothing, or nothing that the model has learnt', () => {
    expect(codes('v32', { output_type: ['SV'] })).toEqual(['output_type invalid_value']);
    expect(codes('v32', { output_type: ['KIAI'] })).toEqual(['output_type not_supported']);
    expect(codes('v30', { output_type: ['TIMING'] })).toEqual(['output_type not_supported']);
  });
});

describe('what a model makes no use of', () => {
  it.each<[string, Partial<Params>, string]>([
    ['v32', { timing_temperature: 0.1, keycount: 7 }, 'timing_temperature, keycount'],
    ['v31', { timing_temperature: 0.1 }, ''],
    ['v30', { year: 2020, hitsounded: true }, 'year, hitsounded'],
    ['v32', { negative_descriptors: ['style/clean'] }, 'negative_descriptors'],
    ['v32', { negative_descriptors: ['style/clean'], cfg_scale: 2 }, ''],
    ['v32', { timer_iterations: 5 }, 'timer_iterations'],
    ['v32', { timer_iterations: 5, super_timing: true }, ''],
    ['v28', { timer_iterations: 5 }, ''],
    ['v28', { diff_cfg_scale: 2 }, ''],
    ['v28', { diff_cfg_scale: 2, gamemode: 1 }, 'diff_cfg_scale'],
    ['v32', { bpm: 150 }, 'bpm'],
    ['v32', { bpm: 150, offset: 3 }, ''],
    ['v32', { do_sample: false, top_p: 0.9 }, 'top_p'],
    ['builtin', { top_k: 3, mapper_id: 1, lora_path: 'a' }, 'mapper_id, top_k, lora_path'],
  ])('%s of %j: %s', (model, more, names) => {
    const subject = model === 'builtin' ? 'The built-in generator' : `The model ${model}`;
    const warnings = unusedWarnings(model, params(more), false);
    expect(warnings).toEqual(names === '' ? [] : [`${subject} makes no use of: ${names}.`]);
  });
});

describe('the limits of a model', () => {
  it('are those that requests are held to, of every parameter', () => {
    for (const model of ['builtin', 'my-own', ...modelNames]) {
      expect(Object.keys(modelLimits(model, []))).toEqual(parameterNames);
    }
    const limits = modelLimits('v32', ['mine']);
    expect(limits['temperature']).toEqual({ type: 'number', minimum: 0.01, maximum: 10 });
    expect(limits['gamemode']).toEqual({ type: 'integer', minimum: 0, maximum: 3, default: 0 });
    expect(limits['lora_path']).toMatchObject({ enum: ['mine'] });
    expect(limits['precision']?.enum).toEqual(['fp32', 'fp16', 'bf16', 'amp']);
  });

  it('stand in the documentation as they are checked', async () => {
    const text = await readFile(new URL('../docs/parameters.md', import.meta.url), 'utf8');
    const rows = text.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
    for (const [name, limit] of Object.entries(parameterLimits)) {
      const row = rows.find((cells) => cells.length === 5 && cells[1]?.split(', ').includes(`\`${name}\``));
      const words = (limit.enum ?? []).map((word) => `\`${word}\``).join(', ');
      const range = `${limit.minimum} to ${limit.maximum}`;
      const takes = { number: range, integer: range, boolean: 'true or false', array: 'JSON array', string: words };
      const length = name === 'lora_path' ? 'a name' : `up to ${limit.maxLength} characters`;
      expect(row?.[2], name).toBe(takes[limit.type] || length);
    }
  });

  it('are narrower where the model is', () => {
    expect(modelLimits('v30', [])['gamemode']).toMatchObject({ minimum: 0, maximum: 0 });
    expect(modelLimits('v30', [])['year']).toMatchObject({ ignored: true });
    expect(modelLimits('v31', [])['year']).toMatchObject({ minimum: 2007, maximum: 2023 });
    expect(modelLimits('v31', [])['in_context']?.enum).toContain('GD');
    expect(modelLimits('v32', [])['in_context']?.enum).toEqual(['NONE', 'TIMING']);
    expect(modelLimits('v32', [])['keycount']).toMatchObject({ minimum: 1, maximum: 18, gamemodes: [3] });
    expect(modelLimits('builtin', [])['keycount']?.enum).toContain(14);
    expect(modelLimits('builtin', [])['top_k']).toMatchObject({ ignored: true });
  });

  it('say for which modes a descriptor is', () => {
    const choices = modelLimits('v32', [])['descriptors']?.choices ?? [];
    expect(choices).toContainEqual({ name: 'skillset/streams', gamemodes: [0, 1, 2, 3] });
    expect(choices).toContainEqual({ name: 'style/convert', gamemodes: [1, 2] });
    expect(modelLimits('v31', [])['descriptors']?.choices).toHaveLength(70);
    expect(modelLimits('v30', [])['descriptors']?.choices).toEqual([]);
  });
});

describe('the vocabularies', () => {
  it('hold as many names as the models were trained on', () => {
    expect(vocabularies.user_tags.size).toBe(122);
    expect(vocabularies.omdb.size).toBe(70);
  });
});
