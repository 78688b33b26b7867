import { createHash, createHmac } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Config } from '../shared/config.ts';
import type { JobRecord, Jobs } from '../shared/jobs.ts';
import { Problem } from '../shared/problems.ts';
import { isShareOf } from './share.ts';

/** Who asks. Without API keys everybody may do everything, and a job has no owner. */
export interface Client {
  /** Name of the key; null for the admin and where there are no keys. */
  owner: string | null;
  admin: boolean;
}

/** A job that may be looked at, and the share token that it is seen by; null for one's own. */
export interface SeenJob {
  record: JobRecord;
  share: string | null;
}

type JobAddress = Request<{ id: string }>;

export type Access = ReturnType<typeof createAccess>;

/** Needs no key: what this is, whether it lives, and who one is to it. */
const open = new Set(['/', '/healthz', '/readyz', '/session']);
/** What a share token opens, with GET. */
const shared = /^\/jobs\/[^/]+(\/(status|progress|stream|files|download|preview|audio))?\/?$/i;

/**
 * The cookie of a page that has sent its key once. What a script cannot add to a request, an EventSource or a download, it brings along. Cookies
 * do not know ports: the name says whose it is, for other services of the same host have theirs.
 */
export const sessionCookie = 'mapperatorinator_session';

/**
 * API keys (`Authorization: Bearer …`, `X-API-Key`, or the cookie of a session): a client sees and changes its own jobs, the admin all
 * of them; a share token lets anybody look at one.
 */
export function createAccess({ apiKeys, adminKey, corsOrigins }: Config, jobs: Jobs) {
  const clients = new Map<string, Client>();
  const sessions = new Map<string, Client>();
  for (const { name, key } of apiKeys) add(key, { owner: name, admin: false });
  if (adminKey !== null) add(adminKey, { owner: null, admin: true });
  const everybody: Client = { owner: null, admin: true };

  function add(key: string, client: Client) {
    clients.set(digest(key), client);
    sessions.set(digest(sessionOf(key)), client);
  }

  /** Throws a Problem for a request without a key that is known. */
  function clientOf(req: Request): Client {
    if (clients.size === 0) return everybody;
    const key = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1] ?? req.get('x-api-key') ?? '';
    const cookie = key === '' ? cookieOf(req) : undefined;
    const client = cookie === undefined ? clients.get(digest(key)) : sessions.get(digest(cookie));
    if (!client) throw new Problem('unauthorized', 'Send an API key: "Authorization: Bearer …" or "X-API-Key: …".');
    // A browser sends the cookie for whoever asks it to: who that is, it says in `Origin`.
    if (cookie !== undefined && !isFromOurPage(req)) throw foreignOrigin();
    return client;
  }

  /** Another's job is to look like none. */
  const mayUse = (client: Client, { request }: JobRecord) => client.admin || (request.owner ?? null) === client.owner;

  /** The job, for whoever may look at it: with its token, which then alone counts, or as its owner. */
  async function seenJob(req: JobAddress): Promise<SeenJob | null> {
    const { share } = req.query;
    const record = await jobs.read(req.params.id);
    if (!record) return null;
    if (share === undefined) return mayUse(clientOf(req), record) ? { record, share: null } : null;
    return typeof share === 'string' && (await isShareOf(jobs, record.request.id, share)) ? { record, share } : null;
  }

  return {
    /** Whether a key is needed. */
    isLimited: clients.size > 0,
    clientOf,
    mayUse,
    seenJob,
    /** As `seenJob`; throws a Problem where there is none. */
    async findSeen(req: JobAddress): Promise<SeenJob> {
      const seen = await seenJob(req);
      if (!seen) throw noJob();
      return seen;
    },
    /** The job for its owner, who may change it. Throws a Problem where there is none. */
    async findOwn(req: JobAddress): Promise<JobRecord> {
      const record = await jobs.read(req.params.id);
      if (!record || !mayUse(clientOf(req), record)) throw noJob();
      return record;
    },
    /** Lets nobody by without a key, but to what is open to all. */
    guard(req: Request, _res: Response, next: NextFunction) {
      const isRead = req.method === 'GET' || req.method === 'HEAD';
      const isShared = isRead && req.query['share'] !== undefined && shared.test(req.path);
      if (!isShared && !open.has(req.path)) clientOf(req);
      next();
    },
    /** Throws a Problem unless the admin asks, from no page but those that were let in by name. */
    requireAdmin(req: Request) {
      if (!clientOf(req).admin) throw new Problem('forbidden', 'Only the admin key may do this.');
      refuseForeignPages(req);
    },
    refuseForeignPages,
    /** The value of a session's cookie; null for a key that nobody has. */
    signIn: (key: string) => (clients.has(digest(key)) ? sessionOf(key) : null),
  };

  /**
   * For what cannot be undone: without keys any page that a person visits may use the service in their place, as with the seed, but not for this,
   * unless CORS_ORIGINS names it.
   */
  function refuseForeignPages(req: Request) {
    const origin = req.get('origin');
    if (origin !== undefined && !corsOrigins.includes(origin) && !isFromOurPage(req)) throw foreignOrigin();
  }
}

const noJob = () => new Problem('job_not_found', '任务不存在');

const foreignOrigin = () =>
  new Problem(
    'foreign_origin',
    'A page from elsewhere may not do this; behind a proxy, it must pass the Host header on.',
  );

/** A page's own GET says no origin, and what comes of another page's is kept from that by the browser. */
function isFromOurPage(req: Request): boolean {
  const origin = req.get('origin');
  if (origin === undefined) return req.method === 'GET' || req.method === 'HEAD';
  const host = req.get('host');
  return [`http://${host}`, `https://${host}`].includes(origin) || req.get('sec-fetch-site') === 'same-origin';
}

const cookieOf = (req: Request) =>
  new RegExp(`(?:^|;\\s*)${sessionCookie}=([\\w-]+)`).exec(req.get('cookie') ?? '')?.[1];

/** Made of the key, so that no session has to be kept anywhere, and every session ends with its key. */
const sessionOf = (key: string) => createHmac('sha256', key).update('mapperatorinator-api session').digest('base64url');

/** A key is looked up by its digest: how long that takes tells nothing about the key. */
const digest = (key: string) => createHash('sha256').update(key).digest('hex');
