import { describe, expect, test } from 'vitest';
import { sharedService, startService, tone, withFixtureModel } from './service.ts';

const alice = 'alice-key-0123456789';
const keys = { API_KEYS: `alice:${alice}, bob:bob-key-0123456789abc`, ADMIN_KEY: 'admin-key-0123456789' };
const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, ...keys } });

const signIn = async (key: unknown, headers: Record<string, string> = {}) =>
  (await shared()).call('POST', '/session', {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ key }),
  });

/** Signs in and gives what a browser would send from then on. */
async function cookieOf(key: string): Promise<string> {
  const { status, headers } = await signIn(key);
  expect(status).toBe(204);
  return (headers.get('set-cookie') ?? '').split(';')[0]!;
}

const song = () => {
  const body = new FormData();
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
  return body;
};

test('a session is a cookie that no script reads, no other site sends and no key can be read from', async () => {
  const { headers } = await signIn(alice);
  const cookie = headers.get('set-cookie') ?? '';
  expect(cookie).toMatch(
    /^mapperatorinator_session=[\w-]{43}; Max-Age=\d+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
  );
  expect(cookie).not.toContain(alice);
  expect((await signIn(alice, { 'x-forwarded-proto': 'https' })).headers.get('set-cookie')).toContain('; Secure');
  expect(await cookieOf(alice)).toBe(await cookieOf(alice));
  expect(await cookieOf('bob-key-0123456789abc')).not.toBe(await cookieOf(alice));
});

test('who one is, is told to everybody', async () => {
  const { call } = await shared();
  const me = async (headers: Record<string, string>) => (await call('GET', '/session', { headers })).body;
  expect(await me({})).toEqual({ needed: true, client: null });
  expect(await me({ cookie: 'mapperatorinator_session=nonsense' })).toEqual({ needed: true, client: null });
  const client = { name: 'alice', admin: false };
  expect(await me({ 'x-api-key': alice })).toEqual({ needed: true, client });
  expect(await me({ cookie: `theme=dark; ${await cookieOf(alice)}` })).toEqual({ needed: true, client });
  const admin = { name: null, admin: true };
  expect(await me({ cookie: await cookieOf(keys.ADMIN_KEY) })).toEqual({ needed: true, client: admin });
});

test.each([['nobody-has-this-key'], [''], [null], [7], [{}], [undefined]])('%j signs nobody in', async (key) => {
  const answer = await signIn(key);
  expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  expect(answer.headers.get('set-cookie')).toBeNull();
});

test.each([
  ['no JSON', '{"key":'],
  ['a list', '["key"]'],
  ['a text', '"key"'],
  ['null', 'null'],
  ['bytes', '\u0000\ufffd'],
  ['1 MB', JSON.stringify({ key: 'x'.repeat(1024 * 1024) })],
])('a body that is %s is an invalid_request', async (_what, body) => {
  const headers = { 'content-type': 'application/json' };
  const answer = await (await shared()).call('POST', '/session', { headers, body });
  expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
});

test('the cookie is as good as the key, until one signs out', async () => {
  const { call, url, until } = await shared();
  const cookie = await cookieOf(alice);
  const origin = url;
  const { status, body } = await call('POST', '/process', { headers: { cookie, origin }, body: song() });
  expect(status).toBe(200);
  const id = body['job_id'] as string;
  await expect(until(id, 'succeeded', 100)).rejects.toThrow(); // without it: no job
  const record = async () => (await call('GET', `/jobs/${id}`, { headers: { cookie } })).body;
  expect(await record()).toMatchObject({ job_id: id, read_only: false });
  const stream = await fetch(`${url}/jobs/${id}/stream`, { headers: { cookie } });
  expect(await stream.text()).toContain('event: completed');
  const bob = await cookieOf('bob-key-0123456789abc');
  expect((await call('GET', `/jobs/${id}`, { headers: { cookie: bob } })).status).toBe(404);
  const out = await call('DELETE', '/session', { headers: { cookie, origin } });
  expect(out.status).toBe(204);
  expect(out.headers.get('set-cookie')).toMatch(/^mapperatorinator_session=; .*Expires=Thu, 01 Jan 1970/);
});

describe('a page from elsewhere', () => {
  const foreign = { origin: 'https://evil.example' };

  test("does nothing with the visitor's cookie, and neither does who does not say where it comes from", async () => {
    const { call, url } = await shared();
    const cookie = await cookieOf(alice);
    for (const headers of [foreign, { origin: 'null' }, { origin: url.replace('http:', 'ftp:') }, {}]) {
      const answer = await call('POST', '/process', { headers: { cookie, ...headers }, body: song() });
      expect(answer, JSON.stringify(headers)).toMatchObject({ status: 403, body: { code: 'foreign_origin' } });
    }
    expect((await call('GET', '/jobs', { headers: { cookie, ...foreign } })).status).toBe(403);
    expect((await call('GET', '/jobs', { headers: { cookie } })).status).toBe(200);
    const { headers } = await call('GET', '/jobs', { headers: { cookie, origin: url } });
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  test('with a key of its own does what that may, and signs nobody in or out', async () => {
    const { call } = await shared();
    const headers = { ...foreign, 'x-api-key': alice };
    expect((await call('POST', '/process', { headers, body: song() })).status).toBe(200);
    expect((await signIn(alice, foreign)).status).toBe(403);
    expect((await call('DELETE', '/session', { headers: foreign })).status).toBe(403);
  });
});

test('without API keys nobody has to sign in, and there is no cookie', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  expect((await service.get('/session')).body).toEqual({ needed: false, client: { name: null, admin: true } });
  const { status, headers } = await service.call('POST', '/session', { body: '{"key":"any"}' });
  expect([status, headers.get('set-cookie')]).toEqual([204, null]);
});
