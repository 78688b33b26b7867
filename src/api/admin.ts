import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type RequestHandler, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import { readAttempts } from '../shared/claim.ts';
import type { Overview } from '../shared/http.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { Problem } from '../shared/problems.ts';
import type { DeviceReport, Queues } from '../shared/queue.ts';
import type { Access } from './access.ts';
import type { EndedJobs } from './ended.ts';
import type { Handover } from './handover.ts';
import { readProgress } from './job-view.ts';

interface Deps {
  access: Access;
  jobs: Jobs;
  cache: Cache;
  ended: EndedJobs;
  queues: Queues | null;
  handover: Handover;
  log: Log;
}

const failuresShown = 50;
const boardPath = '/admin/queues';

/** BullMQ's board has styles in its elements; it would also like a font from elsewhere, and does without. */
const boardPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** What only the admin may see and do: who works on what, what failed, pause and resume. */
export function adminRoutes({ access, jobs, cache, ended, handover, log }: Omit<Deps, 'queues'>): Router {
  async function overview(req: Request, res: Response<Overview>) {
    access.requireAdmin(req);
    await ended.look().catch((error: unknown) => log.warn({ err: error }, 'The failures may not all be shown.'));
    const [paused, queues, workers] = await Promise.all([jobs.isPaused(), handover.counts(), describeWorkers()]);
    res.set('cache-control', 'no-store');
    res.json({ paused, mode: handover.mode(), queues, workers, failures: failures() });
  }

  async function describeWorkers() {
    const [present, running] = await Promise.all([handover.reachable(), runningJobs()]);
    return present.map(({ worker, engines, models, devices = [] }) => ({
      worker,
      engines,
      models,
      devices: devices.map(describeDevice),
      jobs: running.filter(({ owner }) => owner === worker).map(({ job }) => job),
    }));
  }

  /** By their claims, which have the names of those who hold them. */
  async function runningJobs() {
    const found = (await handover.taken()).map(async (id) => {
      const record = await jobs.read(id);
      const claim = (await readAttempts(jobs.folder(id))).at(-1);
      if (!record || record.outcome || claim?.state !== 'held') return [];
      const { progress, stage } = await readProgress({ jobs, cache }, record);
      const startedAt = new Date(claim.claimedAt).toISOString();
      return [{ owner: claim.owner, job: { job_id: id, stage, progress, started_at: startedAt } }];
    });
    return (await Promise.all(found.map((job) => job.catch(() => [])))).flat();
  }

  function failures() {
    const failed = ended.newest().flatMap(({ id, state, finishedAt, engine, model, error }) => {
      return error
        ? [{ job_id: id, state, ...error, finished_at: new Date(finishedAt).toISOString(), engine, model }]
        : [];
    });
    return failed.sort((a, b) => (a.finished_at < b.finished_at ? 1 : -1)).slice(0, failuresShown);
  }

  /** Workers look at the file twice a second: what runs goes on, nothing new is begun, here and on every host, until it is taken away. */
  const turn = (paused: boolean) => async (req: Request, res: Response) => {
    access.requireAdmin(req);
    await (paused ? jobs.pause() : jobs.resume());
    log.info({ paused }, paused ? 'The service is paused: no job is begun.' : 'The service goes on.');
    res.json({ paused });
  };

  return Router().get('/admin/overview', overview).post('/admin/pause', turn(true)).post('/admin/resume', turn(false));
}

/** BullMQ's own board, to look at: what changes a queue behind our back is left out. */
export function boardRoutes({ access, queues }: Pick<Deps, 'access' | 'queues'>): Router {
  const forAdmins: RequestHandler = (req, res, next) => {
    access.requireAdmin(req);
    if (!queues) throw new Problem('route_not_found', 'There is no queue: the service runs without Redis.');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.set('allow', 'GET, HEAD');
      throw new Problem('method_not_allowed', 'The board is to look at only.');
    }
    res.set({ 'content-security-policy': boardPolicy, 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    next();
  };
  const routes = Router().use(boardPath, forAdmins);
  if (!queues) return routes;
  const serverAdapter = new ExpressAdapter().setBasePath(boardPath);
  createBullBoard({
    queues: queues.all.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Mapperatorinator' } },
  });
  return routes.use(boardPath, serverAdapter.getRouter() as Router);
}

/** A slot for the model's program in a few words. */
function describeDevice({ slot, state, device, device_name: name, code }: DeviceReport): string {
  const what = name ?? device ?? slot;
  return state === 'ready' ? what : `${what}: ${state}${code === undefined ? '' : ` (${code})`}`;
}
