import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { Router, type Request, type Response } from 'express';
import { isErrno } from '../shared/claim.ts';
import type { Jobs } from '../shared/jobs.ts';
import type { Access } from './access.ts';

interface Deps {
  access: Access;
  jobs: Jobs;
}

/** 192 bits: nobody guesses one. */
const tokenBytes = 24;

/** `POST` and `DELETE /jobs/{id}/share`: a token with which anybody may look at this one job (access.ts), until it is taken back. */
export function shareRoutes({ access, jobs }: Deps): Router {
  async function share(req: Request<{ id: string }>, res: Response) {
    const { id } = (await access.findOwn(req)).request;
    const token = await shareOf(jobs, id);
    res.json({ token, url: `/jobs/${id}?share=${token}` });
  }

  async function unshare(req: Request<{ id: string }>, res: Response) {
    const { id } = (await access.findOwn(req)).request;
    await rm(jobs.share(id), { force: true });
    res.status(204).end();
  }

  return Router().post('/jobs/:id/share', share).delete('/jobs/:id/share', unshare);
}

/** Whether the token opens this job. */
export async function isShareOf(jobs: Jobs, id: string, token: string): Promise<boolean> {
  const kept = await readToken(jobs, id);
  return kept !== null && timingSafeEqual(digest(kept), digest(token));
}

/** The job's token, made at the first call. Whoever of several comes first makes it, and a token that can be read is whole. */
async function shareOf(jobs: Jobs, id: string): Promise<string> {
  const path = jobs.share(id);
  const draft = `${path}.new-${randomBytes(8).toString('hex')}`;
  await writeFile(draft, randomBytes(tokenBytes).toString('base64url'), { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return (await readToken(jobs, id)) ?? shareOf(jobs, id); // taken back at this moment
}

async function readToken(jobs: Jobs, id: string): Promise<string | null> {
  return readFile(jobs.share(id), 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  });
}

const digest = (text: string) => createHash('sha256').update(text).digest();
