import { Router, type CookieOptions, type Request, type Response } from 'express';
import type { Session } from '../shared/http.ts';
import { Problem } from '../shared/problems.ts';
import { sessionCookie, type Access } from './access.ts';
import { jsonBody, objectIn } from './body.ts';

const monthMs = 30 * 86_400_000;

/** `/session`: who am I; sign in with a key, for what cannot send one (EventSource, `<audio>`, downloads); sign out. */
export function sessionRoutes({ access }: { access: Access }): Router {
  function whoAmI(req: Request, res: Response<Session>) {
    res.set('cache-control', 'no-store');
    res.json({ needed: access.isLimited, client: clientOrNull(req) });
  }

  function clientOrNull(req: Request) {
    try {
      const { owner, admin } = access.clientOf(req);
      return { name: owner, admin };
    } catch (error) {
      if (error instanceof Problem) return null;
      throw error;
    }
  }

  function signIn(req: Request, res: Response) {
    access.refuseForeignPages(req);
    const { key } = objectIn(req);
    if (access.isLimited) {
      const value = typeof key === 'string' ? access.signIn(key) : null;
      if (value === null) throw new Problem('unauthorized', 'No client has this key.');
      res.cookie(sessionCookie, value, { ...cookieFor(req), maxAge: monthMs });
    }
    res.status(204).end();
  }

  function signOut(req: Request, res: Response) {
    access.refuseForeignPages(req);
    res.clearCookie(sessionCookie, cookieFor(req));
    res.status(204).end();
  }

  return Router().get('/session', whoAmI).post('/session', jsonBody, signIn).delete('/session', signOut);
}

/** Behind a proxy that ends TLS the page's own address says that it came by https. */
function cookieFor(req: Request): CookieOptions {
  const secure = req.secure || /^https:/.test(req.get('origin') ?? '') || req.get('x-forwarded-proto') === 'https';
  return { httpOnly: true, sameSite: 'strict', path: '/', secure };
}
