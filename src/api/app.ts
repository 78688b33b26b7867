import express, { Router, type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import type { Cache } from '../shared/cache.ts';
import type { Config } from '../shared/config.ts';
import type { Limits } from '../shared/http.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Log } from '../shared/log.ts';
import { Problem } from '../shared/problems.ts';
import type { Queues } from '../shared/queue.ts';
import type { RedisLink } from '../shared/redis.ts';
import type { Handover } from './handover.ts';
import type { Access } from './access.ts';
import { adminRoutes, boardRoutes } from './admin.ts';
import { bodyProblem } from './body.ts';
import { takenFormats } from './engine-choice.ts';
import { createEndedJobs } from './ended.ts';
import { createEstimator } from './eta.ts';
import { jobRoutes } from './jobs.ts';
import { modelRoutes } from './models.ts';
import { operateRoutes } from './operate.ts';
import { pageRoutes } from './page.ts';
import { removalRoutes, type Removal } from './removal.ts';
import { resultRoutes } from './results.ts';
import { sessionRoutes } from './session.ts';
import { shareRoutes } from './share.ts';
import { streamRoutes } from './stream.ts';
import { submitRoutes } from './submit.ts';
import type { ModelConfigs, OutputLists } from './watcher.ts';

/** The two roles of Redis; null where none is configured. */
export interface Links {
  cache: RedisLink | null;
  queue: RedisLink | null;
}

export interface AppDeps {
  config: Config;
  access: Access;
  jobs: Jobs;
  cache: Cache;
  links: Links;
  queues: Queues | null;
  handover: Handover;
  lists: OutputLists;
  modelConfigs: ModelConfigs | null;
  removal: Removal;
  /** Where the built page is, if it was built. */
  pageFolder: string;
  log: Log;
  closing: AbortSignal;
}

/** So long is the rest of a refused upload read and thrown away, so that its sender gets to read the answer. */
const drainMs = 10_000;

/** The whole HTTP side. Builds, does not listen. */
export function createApp(deps: AppDeps): Express {
  const { config, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.use(allowForeignPages(config.corsOrigins));
  app.use(pageRoutes(deps.pageFolder));
  app.use(deps.access.guard);
  const ended = createEndedJobs(deps.jobs);
  const estimator = createEstimator({ ...deps, ended });
  const routes = [
    Router().get('/', describeApi(deps)),
    submitRoutes(deps),
    streamRoutes({ ...deps, estimator }),
    jobRoutes({ ...deps, estimator }),
    resultRoutes(deps),
    removalRoutes(deps),
    shareRoutes(deps),
    sessionRoutes(deps),
    modelRoutes({ ...deps, home: config.mapperatorinatorHome }),
    operateRoutes(deps),
    adminRoutes({ ...deps, ended }),
  ];
  app.use(routes, boardRoutes(deps), refuseOtherMethods(routes));
  app.use((req) => {
    throw new Problem('route_not_found', `There is no ${req.method} ${req.path}.`);
  });
  app.use(answerProblem(log));
  return app;
}

/** A path that is there, but not for this method, is a 405 that says what is allowed, as with the seed. */
function refuseOtherMethods(routers: Router[]): Router {
  const allowed = new Map<string, string[]>();
  for (const { route } of routers.flatMap(({ stack }) => stack)) {
    if (!route) continue;
    const methods = route.stack.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
    allowed.set(route.path, [...new Set([...(allowed.get(route.path) ?? []), ...methods])]);
  }
  const refusing = Router();
  for (const [path, methods] of allowed) {
    refusing.all(path, (req, res) => {
      res.set('allow', methods.join(', '));
      const known = methods.filter((method) => method !== 'HEAD').join(' and ');
      throw new Problem('method_not_allowed', `There is no ${req.method} ${req.path}, only ${known}.`);
    });
  }
  return refusing;
}

/** Pages from these origins may use the service, `*` for all as with the seed, but never with the visitor's credentials. */
function allowForeignPages(origins: string[]) {
  return (req: Request, res: Response, next: () => void) => {
    res.set('x-content-type-options', 'nosniff');
    const origin = req.get('origin');
    if (origins.includes('*')) res.set('access-control-allow-origin', '*');
    else res.vary('Origin');
    if (origin !== undefined && origins.includes(origin)) res.set('access-control-allow-origin', origin);
    if (req.method !== 'OPTIONS') return next();
    res.set({
      'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, idempotency-key, last-event-id, x-api-key',
      'access-control-max-age': '86400',
    });
    res.status(204).end();
  };
}

/** `GET /`: what this is, as the seed has it, and the limits that a client should know before it sends a song. */
function describeApi({ config, handover }: AppDeps) {
  return async (_req: Request, res: Response) => {
    const { maxUploadBytes, maxAudioSeconds, retentionMs, engine } = config;
    const limits: Limits = {
      max_upload_bytes: maxUploadBytes,
      max_audio_seconds: maxAudioSeconds,
      formats: takenFormats(engine, await handover.workers()),
      retention_seconds: Math.round(retentionMs / 1000),
    };
    res.json({
      message: 'Mapperatorinator API v2.0',
      description: '上传音频+参数，生成osu! beatmap',
      endpoints: {
        process: 'POST /process - 上传音频和参数开始处理',
        status: 'GET /jobs/{job_id}/status - 查询任务状态',
        progress: 'GET /jobs/{job_id}/progress - 查询任务进度',
        stream: 'GET /jobs/{job_id}/stream - 实时输出流',
        download: 'GET /jobs/{job_id}/download - 下载结果文件',
        files: 'GET /jobs/{job_id}/files - 列出所有输出文件',
        cancel: 'POST /jobs/{job_id}/cancel - 取消任务',
        job: 'GET /jobs/{job_id} - 完整任务记录',
        models: 'GET /models - 可用模型',
      },
      limits,
    });
  };
}

function answerProblem(log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const problem = asProblem(error);
    if (problem.status >= 500) log.error({ err: error, method: req.method, path: req.path }, 'A request failed.');
    if (res.headersSent || req.socket.destroyed) {
      res.destroy();
      return;
    }
    if (!req.complete) {
      // No `connection: close`: with it Node drops the socket after the answer, and who still sends gets a reset instead.
      req.unpipe();
      req.resume();
      setTimeout(() => req.complete || req.destroy(), drainMs).unref();
    }
    res.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const ofBody = bodyProblem(error);
  if (ofBody) return ofBody;
  if (error instanceof URIError) return new Problem('invalid_url', 'The address cannot be decoded.');
  return new Problem('internal_error', 'Something went wrong here; the log has the details.', [], { cause: error });
}
