import { Router, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import { builtinModel, installedModels, modelFacts, modelNames, readModelConfig } from '../shared/models.ts';
import { Problem } from '../shared/problems.ts';
import type { Handover } from './handover.ts';

interface Deps {
  home: string | null;
  cache: Cache;
  handover: Handover;
}

/** `GET /models` and `/models/{name}`: what can be asked for, what a worker has now, and the engine's own config. */
export function modelRoutes({ home, cache, handover }: Deps): Router {
  async function overview() {
    const workers = await handover.workers();
    const present = new Set(workers.flatMap(({ models }) => models));
    const names = new Set([builtinModel, ...modelNames, ...(home ? await installedModels(home) : []), ...present]);
    return [...names].map((name) => ({
      name,
      engine: name === builtinModel ? 'builtin' : 'mapperatorinator',
      available: present.has(name),
      ...modelFacts(name),
    }));
  }

  async function list(_req: Request, res: Response) {
    const models = await overview();
    const best = models.find(({ name, available }) => available && name !== builtinModel) ?? models[0];
    res.json({ models, default: best?.name ?? builtinModel });
  }

  async function show(req: Request<{ name: string }>, res: Response) {
    const model = (await overview()).find(({ name }) => name === req.params.name);
    if (!model) throw new Problem('model_not_found', 'There is no such model.');
    res.json({ ...model, config: await config(model.name) });
  }

  /** The engine's own values, from its config file; null where this host has none. */
  async function config(name: string) {
    if (!home || !(await installedModels(home)).includes(name)) return null;
    const cached = await cache.get('model_config', name);
    if (cached) return cached;
    const generation = await cache.generation();
    const read = await readModelConfig(home, name);
    await cache.setUnlessDropped('model_config', name, read, generation);
    return read;
  }

  return Router().get('/models', list).get('/models/:name', show);
}
