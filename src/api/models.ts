import { Router, type Request, type Response } from 'express';
import { modelLimits } from '../shared/model-limits.ts';
import { builtinModel, installedModels, modelFacts, modelNames } from '../shared/models.ts';
import { Problem } from '../shared/problems.ts';
import { lorasOf } from './engine-choice.ts';
import type { Handover } from './handover.ts';
import type { ModelConfigs } from './watcher.ts';

interface Deps {
  home: string | null;
  /** The engine's own values; null where this host has no checkout. */
  modelConfigs: ModelConfigs | null;
  handover: Handover;
}

/**
 * `GET /models` and `/models/{name}`: what can be asked for, what a worker has now, the engine's own config, and the limits of every
 * parameter, so that a page can show them before anything is sent.
 */
export function modelRoutes({ home, modelConfigs, handover }: Deps): Router {
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
    const loras = model.engine === 'builtin' ? [] : lorasOf(await handover.workers());
    const config = (await modelConfigs?.find(model.name)) ?? null;
    res.json({ ...model, config, loras, limits: modelLimits(model.name, loras) });
  }

  return Router().get('/models', list).get('/models/:name', show);
}
