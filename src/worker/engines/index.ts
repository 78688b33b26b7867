import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import { builtinModel, modelNames } from '../../shared/models.ts';
import type { Announcement, DeviceReport } from '../../shared/queue.ts';
import { audioFormats, type EngineName } from '../../shared/request.ts';
import { modelsOnThisHost } from '../../shared/weights.ts';
import { createBuiltinEngine } from './builtin/adapter.ts';
import type { Engine } from './engine.ts';
import { createMapperatorinatorEngine, type MapperatorinatorEngine } from './mapperatorinator/adapter.ts';
import { isLoraName } from './mapperatorinator/command.ts';

/** The engines that this host can run under its configuration, and what to announce of them. */
export async function createEngines(config: Config, node: string, log: Log) {
  const { searchPath, huggingFaceHome, workerConcurrency: concurrency } = config;
  const engines = new Map<EngineName, Engine>();
  if (config.engine !== 'mapperatorinator') {
    engines.set('builtin', createBuiltinEngine({ node, searchPath, concurrency }));
  }
  const home = checkoutOf(config, log);
  const scratch = join(config.dataDir, 'scratch');
  let mapperatorinator: MapperatorinatorEngine | null = null;
  if (home !== null) {
    const { models, missing } = await modelsOnThisHost(home, huggingFaceHome);
    for (const { model, detail } of missing) log.warn({ model, detail }, 'A model is not ready on this host.');
    const host = { home, python: config.python, searchPath, huggingFaceHome, loraDir: config.loraDir, scratch };
    const preload = modelNames.find((name) => models.includes(name)) ?? models[0] ?? null;
    mapperatorinator = createMapperatorinatorEngine({ host, slots: config.slots, preload, log });
    engines.set('mapperatorinator', mapperatorinator);
  }
  const isMisplaced = config.engine !== 'builtin' && config.mapperatorinatorHome !== null && home === null;
  const withFfmpeg = searchPath.split(delimiter).some((folder) => existsSync(join(folder, 'ffmpeg')));
  const formats = audioFormats.filter((format) => format !== 'm4a' || withFfmpeg);

  /** What can be run now; looks at the disk, so that a model which is put there is found without a restart. */
  async function announced(): Promise<Omit<Announcement, 'worker'>> {
    const able = [...engines.values()].filter((engine) => engine.capacity() > 0).map(({ name }) => name);
    const own = able.includes('builtin') ? [builtinModel] : [];
    if (!mapperatorinator || home === null) {
      return { engines: able, models: own, formats, ...(isMisplaced ? { devices: [noCheckout] } : {}) };
    }
    const { models, missing } = await modelsOnThisHost(home, huggingFaceHome);
    return {
      engines: able,
      models: able.includes('mapperatorinator') ? [...own, ...models] : own,
      formats,
      missing,
      loras: await lorasIn(config.loraDir),
      devices: mapperatorinator.devices(),
    };
  }

  return {
    engines,
    announced,
    capacity: (name: EngineName) => engines.get(name)?.capacity() ?? 0,
    onChange: (listener: () => void) => engines.forEach((engine) => engine.onChange(listener)),
    close: () => engines.forEach((engine) => engine.close()),
  };
}

const noCheckout: DeviceReport = {
  slot: 'auto',
  state: 'failed',
  model: null,
  code: 'engine_unavailable',
  detail: 'MAPPERATORINATOR_HOME is no checkout of Mapperatorinator',
};

/** The folder of the public project, where this host is to run it. */
function checkoutOf({ engine, mapperatorinatorHome: home }: Config, log: Log): string | null {
  if (home !== null && !existsSync(join(home, 'inference.py'))) {
    log.error({ home }, 'MAPPERATORINATOR_HOME is no checkout of Mapperatorinator: inference.py is missing there.');
    return null;
  }
  if (home === null && engine === 'mapperatorinator') {
    log.error('ENGINE=mapperatorinator needs MAPPERATORINATOR_HOME; without it this worker can run nothing.');
  }
  return engine === 'builtin' ? null : home;
}

async function lorasIn(folder: string | null): Promise<string[]> {
  if (folder === null) return [];
  const entries = await readdir(folder).catch(() => []);
  return entries.filter((name) => isLoraName(name) && existsSync(join(folder, name, 'adapter_config.json'))).sort();
}
