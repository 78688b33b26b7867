import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import { builtinModel } from '../../shared/models.ts';
import type { Announcement } from '../../shared/queue.ts';
import { audioFormats, type EngineName } from '../../shared/request.ts';
import { modelsOnThisHost } from '../../shared/weights.ts';
import { createBuiltinEngine } from './builtin/adapter.ts';
import type { Engine } from './engine.ts';
import { createMapperatorinatorEngine } from './mapperatorinator/adapter.ts';

/** The engines that this host can run under its configuration, and what to announce of them. */
export async function createEngines(config: Config, node: string, log: Log) {
  const engines = new Map<EngineName, Engine>();
  const models: string[] = [];
  if (config.engine !== 'mapperatorinator') {
    engines.set('builtin', createBuiltinEngine({ node, searchPath: config.searchPath }));
    models.push(builtinModel);
  }
  const home = config.mapperatorinatorHome;
  const isCheckout = home !== null && existsSync(join(home, 'inference.py'));
  if (home !== null && !isCheckout) {
    log.error({ home }, 'MAPPERATORINATOR_HOME is no checkout of Mapperatorinator: inference.py is missing there.');
  } else if (home === null && config.engine === 'mapperatorinator') {
    log.error('ENGINE=mapperatorinator needs MAPPERATORINATOR_HOME; without it this worker can run nothing.');
  }
  if (config.engine !== 'builtin' && isCheckout) {
    const { python, searchPath, huggingFaceHome, cudaVisibleDevices } = config;
    engines.set(
      'mapperatorinator',
      createMapperatorinatorEngine({ home, python, searchPath, huggingFaceHome, cudaVisibleDevices }),
    );
    const ownModels = await modelsOnThisHost(home, huggingFaceHome);
    models.push(...ownModels.models);
    for (const { model, detail } of ownModels.missing)
      log.warn({ model, detail }, 'A model is not ready on this host.');
  }
  const withFfmpeg = config.searchPath.split(delimiter).some((folder) => existsSync(join(folder, 'ffmpeg')));
  const announced: Omit<Announcement, 'worker'> = {
    engines: [...engines.keys()],
    models,
    formats: audioFormats.filter((format) => format !== 'm4a' || withFfmpeg),
  };
  return { engines, announced };
}
