import { request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { pageRoutes } from '../src/api/page.ts';
import { sharedService, startService, withFixtureModel } from './service.ts';

/** What a browser sends when somebody follows a link. */
const navigation = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const keys = { API_KEYS: 'alice:alice-key-0123456789' };
const someId = '01a20d20-19ab-7709-80f0-0b07b0d6cd69';

const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, ...keys } });

/** As it comes over the wire: nothing is unpacked. */
function ask(url: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const asking = request(url, { method, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    });
    asking.on('error', reject).end();
  });
}

test.each(['/', '/?operator', `/jobs/${someId}`, `/jobs/${someId}?share=abc`, '/jobs/nothing'])(
  'a browser that goes to %s gets the page, without a key and under a strict policy',
  async (path) => {
    const { url } = await shared();
    const { status, headers, body } = await ask(url + path, { accept: navigation });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['vary']).toMatch(/Accept(,|$)/);
    expect(body.toString()).toContain('<script type="module"');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers['referrer-policy']).toBe('no-referrer');
  },
);

test.each([
  ['curl and fetch', '*/*'],
  ['a client of the API', 'application/json'],
  ['an EventSource', 'text/event-stream'],
  ['who says nothing', undefined],
])('%s gets what the API says', async (_who, accept) => {
  const { url } = await shared();
  const headers: Record<string, string> = accept === undefined ? {} : { accept };
  const start = await ask(`${url}/`, headers);
  expect(start.status).toBe(200);
  expect(start.headers['content-type']).toMatch(/^application\/json/);
  expect(start.headers['vary']).toMatch(/Accept(,|$)/);
  expect((await ask(`${url}/jobs/${someId}`, headers)).status).toBe(401);
  const job = await ask(`${url}/jobs/${someId}`, { ...headers, 'x-api-key': 'alice-key-0123456789' });
  expect(job.status).toBe(404);
  expect(job.headers['content-type']).toMatch(/^application\/problem\+json/);
});

test('a browser gets no page in place of a download, a list or a stream', async () => {
  const { url } = await shared();
  for (const path of ['/jobs', `/jobs/${someId}/download`, `/jobs/${someId}/stream`, '/models'])
    expect((await ask(url + path, { accept: navigation })).status, path).toBe(401);
});

test('the page comes packed, and again only when it has changed; its files are kept for ever and need no key', async () => {
  const { url } = await shared();
  const page = await ask(`${url}/`, { accept: navigation });
  const etag = String(page.headers['etag']);
  expect(page.headers['cache-control']).toBe('no-cache');
  expect((await ask(`${url}/`, { accept: navigation, 'if-none-match': etag })).status).toBe(304);
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(page.body.toString())?.[1] ?? '';
  const plain = await ask(url + script, {});
  expect(plain.status).toBe(200);
  expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(plain.headers['content-type']).toMatch(/^text\/javascript/);
  const packed = await ask(url + script, { 'accept-encoding': 'gzip' });
  if (plain.body.length >= 1024) {
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
  } else expect(packed.body).toEqual(plain.body);
});

test.each([
  '/assets/',
  '/assets/nothing.js',
  '/assets/../index.html',
  '/assets/..%2findex.html',
  '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
])('nothing else is there: %s', async (path) => {
  const { url } = await shared();
  const answer = await ask(url + path, {});
  expect(answer.status).not.toBe(200);
  expect(answer.status).toBeLessThan(500);
});

test('without a built page the API answers alone', async () => {
  const app = express().use(pageRoutes('/nowhere'), (_req, res) => void res.json({ api: true }));
  const server = app.listen(0);
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const { status, body } = await ask(`http://127.0.0.1:${port}/`, { accept: navigation });
  expect([status, body.toString()]).toEqual([200, '{"api":true}']);
});

test('the limits are told before anything is sent, to everybody', async () => {
  const service = await startService({
    redisUrl: null,
    env: { MAX_UPLOAD_MB: '7', MAX_AUDIO_MINUTES: '3', RETENTION_DAYS: '2', ENGINE: 'mapperatorinator', ...keys },
  });
  const { body } = await service.get('/');
  expect(body['message']).toBe('Mapperatorinator API v2.0');
  expect(body['limits']).toEqual({
    max_upload_bytes: 7 * 1024 * 1024,
    max_audio_seconds: 180,
    formats: ['mp3', 'wav', 'ogg', 'opus', 'flac', 'm4a'],
    retention_seconds: 172_800,
  });
});

test('m4a is offered only where somebody can read it', async () => {
  const service = await startService({ redisUrl: null, env: { ENGINE: 'builtin', PATH: '/nowhere' } });
  expect((await service.get('/')).body['limits']['formats']).toEqual(['mp3', 'wav', 'ogg', 'opus', 'flac']);
});
