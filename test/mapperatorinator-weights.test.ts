import { appendFile, cp, mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findWeights, modelsOnThisHost } from '../src/shared/weights.ts';
import { eventually, startService, withFixtureModel } from './service.ts';

const fixtures = fileURLToPath(new URL('./fixtures/mapperatorinator', import.meta.url));
const v32 = 'OliBomby/Mapperatorinator-v32';
const snapshotOf = (commit: string) => join('snapshots', commit.repeat(20));

/** A host's checkout and its cache, for a test to break. */
async function host() {
  const folder = await mkdtemp(join(tmpdir(), 'weights-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const home = join(folder, 'checkout');
  const huggingFaceHome = join(folder, 'hf');
  await cp(join(fixtures, 'home'), home, { recursive: true });
  await cp(join(fixtures, 'huggingface'), huggingFaceHome, { recursive: true });
  const repository = (id: string) => join(huggingFaceHome, 'hub', `models--${id.replace('/', '--')}`);
  const checkpoint = join(repository(v32), snapshotOf('32'));
  const find = (modelPath = v32) => findWeights({ home, huggingFaceHome, modelPath });
  const detail = async (modelPath = v32) => {
    const weights = await find(modelPath);
    return weights.state === 'found' ? 'found' : weights.detail;
  };
  return { folder, home, huggingFaceHome, repository, checkpoint, find, detail };
}

describe('the weights of a model', () => {
  it('are found in the cache, with the modes that have a checkpoint of their own', async () => {
    const { find } = await host();
    expect(await find()).toEqual({ state: 'found', gamemodes: [1] });
    expect(await find('OliBomby/Mapperatorinator-v30')).toEqual({ state: 'found', gamemodes: [] });
  });

  it('are found in a folder of the checkout, by a relative or an absolute path', async () => {
    const { home, checkpoint, repository, find } = await host();
    await cp(checkpoint, join(home, 'models', 'mine'), { recursive: true });
    await rm(repository(v32), { recursive: true });
    const found = { state: 'found', gamemodes: [1] };
    expect(await find('models/mine')).toEqual(found);
    expect(await find(join(home, 'models', 'mine'))).toEqual(found);
  });

  it('may be in several parts, or as training writes them', async () => {
    const { checkpoint, find, detail } = await host();
    const part = 'model-00001-of-00002.safetensors';
    await rename(join(checkpoint, 'model.safetensors'), join(checkpoint, part));
    const index = { weight_map: { one: part, two: 'model-00002-of-00002.safetensors' } };
    await writeFile(join(checkpoint, 'model.safetensors.index.json'), JSON.stringify(index));
    expect(await detail()).toContain('model-00002-of-00002.safetensors is missing');
    await cp(join(checkpoint, part), join(checkpoint, 'model-00002-of-00002.safetensors'));
    expect((await find()).state).toBe('found');
    for (const file of [part, 'config.json', 'tokenizer.json']) await rm(join(checkpoint, file));
    for (const file of ['pytorch_model.bin', 'custom_checkpoint_0.pkl']) await writeFile(join(checkpoint, file), 'x');
    expect((await find()).state).toBe('found');
  });

  it('are missing where the cache has never heard of them, and the detail says how to get them', async () => {
    const { repository, folder, detail } = await host();
    await rm(repository(v32), { recursive: true });
    expect(await detail()).toContain(`hf download ${v32}`);
    expect(await detail()).not.toContain(folder);
    expect(await detail('/nowhere/at/all')).not.toContain('/nowhere');
  });

  it.each(['config.json', 'tokenizer.json', 'model.safetensors', join('gamemode=1', 'tokenizer.json')])(
    'are missing without %s',
    async (file) => {
      const { checkpoint, detail } = await host();
      await rm(join(checkpoint, file));
      expect(await detail()).toContain(`${file.split('/').at(-1)} is missing`);
    },
  );

  it('are missing when the download was cut short, or git left its pointer', async () => {
    const { checkpoint, detail } = await host();
    const file = join(checkpoint, 'model.safetensors');
    await truncate(file, 60);
    expect(await detail()).toContain('model.safetensors is no safetensors file, or was cut short');
    await writeFile(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n');
    expect(await detail()).toContain('model.safetensors is no safetensors file');
    await cp(join(checkpoint, 'gamemode=1', 'model.safetensors'), file);
    expect(await detail()).toBe('found');
    await truncate(file, 67);
    expect(await detail()).toContain('was cut short');
  });

  it('are missing when the cache has lost the commit that its main branch names', async () => {
    const { repository, detail } = await host();
    await writeFile(join(repository(v32), 'refs', 'main'), 'ff'.repeat(20));
    expect(await detail()).toContain('is neither in the Hugging Face cache');
    await rm(join(repository(v32), 'refs', 'main'));
    expect(await detail()).toContain('is neither in the Hugging Face cache');
  });

  it.each(['openai/whisper-base', 'openai/whisper-small'])(
    'are of no use without the config of %s, in the cache or in the checkout',
    async (id) => {
      const { home, repository, detail } = await host();
      await rename(join(repository(id), snapshotOf('aa')), join(home, 'set-aside'));
      expect(await detail()).toContain(`hf download ${id} config.json`);
      await mkdir(join(home, 'openai'));
      await rename(join(home, 'set-aside'), join(home, id));
      expect(await detail()).toBe('found');
    },
  );
});

describe('the models on a host', () => {
  it('are those whose weights are there; of the others it is told why', async () => {
    const { home, huggingFaceHome, repository } = await host();
    expect(await modelsOnThisHost(home, huggingFaceHome)).toEqual({ models: ['v30', 'v32'], missing: [] });
    await rm(repository('OliBomby/Mapperatorinator-v30'), { recursive: true });
    const { models, missing } = await modelsOnThisHost(home, huggingFaceHome);
    expect(models).toEqual(['v32']);
    expect(missing).toMatchObject([
      { model: 'v30', state: 'absent', detail: expect.stringContaining('hf download') as string },
    ]);
  });

  it('need the model that places objects too, where theirs do', async () => {
    const { home, huggingFaceHome, repository } = await host();
    const config = join(home, 'configs', 'inference', 'v32.yaml');
    await appendFile(config, 'generate_positions: true\ndiff_ckpt: OliBomby/osu-diffusion-v2\n');
    // The same key twice is an error of YAML, which is how a broken file looks.
    expect((await modelsOnThisHost(home, huggingFaceHome)).missing[0]?.detail).toContain('v32.yaml cannot be read');
    await writeFile(config, `model_path: ${v32}\ndiff_ckpt: OliBomby/osu-diffusion-v2\n`);
    const [missing] = (await modelsOnThisHost(home, huggingFaceHome)).missing;
    expect(missing?.detail).toContain('hf download OliBomby/osu-diffusion-v2 tokenizer.pkl model_ema.pkl');
    const positions = join(repository('OliBomby/osu-diffusion-v2'), snapshotOf('dd'));
    await mkdir(positions, { recursive: true });
    await mkdir(join(repository('OliBomby/osu-diffusion-v2'), 'refs'));
    await writeFile(join(repository('OliBomby/osu-diffusion-v2'), 'refs', 'main'), 'dd'.repeat(20));
    for (const file of ['tokenizer.pkl', 'model_ema.pkl']) await writeFile(join(positions, file), 'x');
    expect((await modelsOnThisHost(home, huggingFaceHome)).models).toEqual(['v30', 'v32']);
  });

  it('are all that its worker announces', async () => {
    const { home, huggingFaceHome, repository } = await host();
    await rm(repository('OliBomby/Mapperatorinator-v30'), { recursive: true });
    const env = { ...withFixtureModel, MAPPERATORINATOR_HOME: home, HF_HOME: huggingFaceHome };
    const service = await startService({ redisUrl: null, env });
    const available = async () =>
      ((await service.get('/models')).body['models'] as { name: string; available: boolean }[])
        .filter((model) => model.available)
        .map(({ name }) => name);
    const names = await eventually(available, (list) => list.includes('v32'));
    expect(names).not.toContain('v30');
  });
});
