import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import compression from 'compression';
import { Router, static as serveFiles, type Request, type RequestHandler, type Response } from 'express';
import { Problem } from '../shared/problems.ts';

/** What the page may load: its own files, songs and pictures that it makes itself, and the API. Nothing of anybody else. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** The addresses that the one document answers; which of them it is it reads itself. */
const addresses = ['/', '/jobs/:id'];

/**
 * The page for people, at the addresses of the API itself: who asks for `text/html`, as a browser does that goes somewhere, gets the document, all
 * others what the API says. It is the same for everybody and so needs no key: what it shows it has to ask for. Without a built page in `folder` the
 * API answers alone.
 */
export function pageRoutes(folder: string): Router {
  const compress = compression();
  const routes = Router();

  const unlessAskedForHtml: RequestHandler = (req, res, next) => {
    res.vary('Accept');
    // With `*/*`, and with no word about it, the first one holds.
    next(req.accepts(['json', 'html']) === 'html' ? undefined : 'route');
  };

  const sendPage: RequestHandler = async (_req: Request, res: Response, next) => {
    const html = await readFile(join(folder, 'index.html')).catch(() => null);
    if (!html) return next();
    res.set({
      'cache-control': 'no-cache', // the names of its scripts change with every build
      'content-security-policy': contentSecurityPolicy,
      'referrer-policy': 'no-referrer', // the address may hold the token of a share
      'cross-origin-opener-policy': 'same-origin',
    });
    res.type('html').send(html);
  };

  for (const address of addresses) routes.get(address, unlessAskedForHtml, compress, sendPage);
  // Their names are made of their contents, so that what has been read once never changes.
  const assets = serveFiles(join(folder, 'assets'), { immutable: true, maxAge: '1y', index: false, redirect: false });
  routes.use('/assets', compress, assets, (req) => {
    throw new Problem('route_not_found', `There is no ${req.method} ${req.baseUrl}${req.path}.`);
  });
  return routes;
}
