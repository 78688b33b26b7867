import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { vocabularies } from '../src/shared/descriptors.ts';
import { modelProblems } from '../src/shared/model-rules.ts';
import { installedModels, modelNames, readModelConfig } from '../src/shared/models.ts';
import type { Params } from '../src/shared/request.ts';

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

describe('the vocabularies', () => {
  it('hold as many names as the models were trained on', () => {
    expect(vocabularies.user_tags.size).toBe(122);
    expect(vocabularies.omdb.size).toBe(70);
  });
});
