import { createHash } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Config } from '../shared/config.ts';
import type { JobRequest } from '../shared/request.ts';
import { Problem } from '../shared/problems.ts';

/** Who asks. Without API keys everybody may do everything, and a job has no owner. */
export interface Client {
  /** Name of the key; null for the admin and where there are no keys. */
  owner: string | null;
  admin: boolean;
}

export type Access = ReturnType<typeof createAccess>;

const open = new Set(['/', '/healthz', '/readyz']);

/** API keys (`Authorization: Bearer …` or `X-API-Key`): a client sees and ends its own jobs, the admin all of them. */
export function createAccess({ apiKeys, adminKey }: Pick<Config, 'apiKeys' | 'adminKey'>) {
  const clients = new Map<string, Client>();
  for (const { name, key } of apiKeys) clients.set(digest(key), { owner: name, admin: false });
  if (adminKey !== null) clients.set(digest(adminKey), { owner: null, admin: true });
  const everybody: Client = { owner: null, admin: true };

  /** Throws a Problem for a request without a key that is known. */
  function clientOf(req: Request): Client {
    if (clients.size === 0) return everybody;
    const key = /^Bearer (.+)$/i.exec(req.get('authorization') ?? '')?.[1] ?? req.get('x-api-key') ?? '';
    const client = clients.get(digest(key));
    if (!client) throw new Problem('unauthorized', 'Send an API key: "Authorization: Bearer …" or "X-API-Key: …".');
    return client;
  }

  return {
    /** Whether a key is needed. */
    isLimited: clients.size > 0,
    clientOf,
    /** Lets nobody by without a key, but to the pages that say what this is and whether it lives. */
    guard(req: Request, _res: Response, next: NextFunction) {
      if (!open.has(req.path)) clientOf(req);
      next();
    },
    /** Whether the client may see and end a job. Another's job is to look like none. */
    mayUse(client: Client, { owner }: JobRequest): boolean {
      return client.admin || (owner ?? null) === client.owner;
    },
    /** Throws a Problem unless the admin asks. */
    requireAdmin(req: Request) {
      if (!clientOf(req).admin) throw new Problem('forbidden', 'Only the admin key may do this.');
    },
  };
}

/** A key is looked up by its digest: how long that takes tells nothing about the key. */
const digest = (key: string) => createHash('sha256').update(key).digest('hex');
