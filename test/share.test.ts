import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sharedService, startService, tone, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const alice = { 'x-api-key': 'alice-key-0123456789' };
const bob = { 'x-api-key': 'bob-key-0123456789abc' };
const keys = { API_KEYS: 'alice:alice-key-0123456789, bob:bob-key-0123456789abc' };
const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, ...keys } });
const preview = { version: 1, title: 'x'.repeat(5000) };

/** A job of Alice's that has succeeded, with a preview. */
async function made(fields: Record<string, string> = {}) {
  const service = await shared();
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), '歌 1.wav');
  const id = (await service.call('POST', '/process', { headers: alice, body })).body['job_id'] as string;
  await (await fetch(`${service.url}/jobs/${id}/stream`, { headers: alice })).text();
  await writeFile(join(service.data, 'jobs', id, 'preview-1.json'), JSON.stringify(preview));
  return { ...service, url: service.url, id, path: `/jobs/${id}` };
}

const readable = ['', '/status', '/progress', '/stream', '/files', '/download', '/preview', '/audio'];

describe('a share token', () => {
  test('opens what can be read of one job, without a key, and says that it is read only', async () => {
    const { call, id, path } = await made();
    const { status, body } = await call('POST', `${path}/share`, { headers: alice });
    expect(status).toBe(200);
    expect(body['token']).toMatch(/^[\w-]{32}$/);
    expect(body['url']).toBe(`${path}?share=${body['token']}`);
    const query = `?share=${body['token']}`;
    for (const part of readable) expect((await call('GET', path + part + query)).status, part).toBe(200);
    expect((await call('GET', `${path}/stream${query}`)).body['text']).toContain('event: completed');
    const { body: record } = await call('GET', path + query);
    expect(record).toMatchObject({ job_id: id, read_only: true, has_preview: true, state: 'succeeded' });
    expect(record['links']['audio']).toBe(`${path}/audio${query}`);
    expect(record['links']).not.toHaveProperty('cancel');
    const { body: listed } = await call('GET', `${path}/files${query}`);
    for (const { download_url: url } of listed['files'] as { download_url: string }[])
      expect((await call('GET', url)).status).toBe(200);
    const { body: own } = await call('GET', path, { headers: alice });
    expect(own).toMatchObject({ read_only: false, links: { share: `${path}/share`, retry: `${path}/retry` } });
  });

  test('is the same for all who ask at once, and gone when it is taken back', async () => {
    const { call, path } = await made();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => call('POST', `${path}/share`, { headers: alice })),
    );
    const tokens = new Set(answers.map(({ body }) => body['token'] as string));
    expect(tokens.size).toBe(1);
    const [token] = tokens;
    expect((await call('DELETE', `${path}/share`, { headers: alice })).status).toBe(204);
    expect((await call('GET', `${path}?share=${token}`)).status).toBe(404);
    expect((await call('DELETE', `${path}/share`, { headers: alice })).status).toBe(204);
    const { body } = await call('POST', `${path}/share`, { headers: alice });
    expect(body['token']).not.toBe(token);
  });

  test('that is taken back ends the streams that are seen by it, and no other', async () => {
    const service = await shared();
    const body = new FormData();
    body.append('title', 'fixture:slow=60');
    body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
    const id = (await service.call('POST', '/process', { headers: alice, body })).body['job_id'] as string;
    const { body: share } = await service.call('POST', `/jobs/${id}/share`, { headers: alice });
    const streams = [
      fetch(`${service.url}/jobs/${id}/stream?share=${share['token']}`),
      fetch(`${service.url}/jobs/${id}/stream`, { headers: alice }),
    ];
    const ended = streams.map(async (stream) => (await stream).text());
    await Promise.all(streams);
    await service.call('DELETE', `/jobs/${id}/share`, { headers: alice });
    expect(await Promise.race([ended[0], sleep(6_000)])).not.toMatch(/event: (completed|failed)/);
    expect(await Promise.race([ended[1], sleep(500, 'open')])).toBe('open');
    await service.call('POST', `/jobs/${id}/cancel`, { headers: alice });
    expect(await ended[1]).toContain('event: failed');
  });

  test('opens nothing else', async () => {
    const { call, path } = await made();
    const other = await made();
    const { body } = await call('POST', `${path}/share`, { headers: alice });
    const query = `?share=${body['token']}`;
    expect((await call('GET', other.path + query)).status).toBe(404);
    for (const [method, part] of [
      ['GET', '/debug'],
      ['POST', '/cancel'],
      ['POST', '/share'],
      ['DELETE', '/share'],
    ] as const)
      expect((await call(method, path + part + query)).status, part).toBe(401);
    for (const at of ['/jobs', '/models', '/debug/redis']) expect((await call('GET', at + query)).status, at).toBe(401);
  });

  test.each(['', 'x', '..%2Frequest.json', '%00', '../share', 'a'.repeat(4000), 'a&share=b', '__proto__', '%E0%A4%A'])(
    'that is wrong looks like no job: %s',
    async (token) => {
      const { call, path } = await made();
      expect((await call('GET', `${path}?share=${token}`)).status, 'not shared').toBe(404);
      await call('POST', `${path}/share`, { headers: alice });
      const answer = await call('GET', `${path}?share=${token}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } });
      expect((await call('GET', `${path}/stream?share=${token}`)).body['text']).toMatch(/^event: error/);
    },
  );

  test('is made by nobody but the owner', async () => {
    const { call, path } = await made();
    for (const method of ['POST', 'DELETE'])
      expect((await call(method, `${path}/share`, { headers: bob })).status).toBe(404);
  });
});

describe('the preview', () => {
  test('of a map is its JSON, packed, and again only when it has changed', async () => {
    const { call, path, url } = await made();
    const answer = await call('GET', `${path}/preview`, { headers: alice });
    expect(answer.body).toEqual(preview);
    const raw = await fetch(`${url}${path}/preview`, { headers: { ...alice, 'accept-encoding': 'gzip' } });
    expect(raw.headers.get('content-encoding')).toBe('gzip');
    const etag = answer.headers.get('etag') ?? '';
    const again = await call('GET', `${path}/preview`, {
      headers: { ...alice, 'if-none-match': etag, 'cache-control': 'max-age=0' },
    });
    expect(again.status).toBe(304);
    expect((await call('GET', `${path}/preview`, { headers: bob })).status).toBe(404);
  });

  test('that is not there is a preview_not_found, and so is that of a job that made no map', async () => {
    const { call, id, path, data } = await made();
    await rm(join(data, 'jobs', id, 'preview-1.json'));
    expect((await call('GET', path, { headers: alice })).body['has_preview']).toBe(false);
    const missing = { status: 404, body: { code: 'preview_not_found' } };
    const answer = await call('GET', `${path}/preview`, { headers: alice });
    expect(answer).toMatchObject(missing);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('cache-control')).toBeNull();
    const failed = await made({ title: 'fixture:oom' });
    expect(await call('GET', `${failed.path}/preview`, { headers: alice })).toMatchObject(missing);
    expect((await call('GET', failed.path, { headers: alice })).body).toMatchObject({
      has_preview: false,
      expires_at: null,
    });
  });
});

describe('the song', () => {
  test('comes whole or in parts, by its kind, to be played and not saved', async () => {
    const { call, path, url } = await made();
    const { status, headers } = await call('GET', `${path}/audio`, { headers: alice });
    expect([status, headers.get('content-type'), headers.get('accept-ranges')]).toEqual([200, 'audio/wav', 'bytes']);
    expect(headers.get('content-disposition')).toBe(`inline; filename*=utf-8''%E6%AD%8C%201.wav`);
    const part = await fetch(`${url}${path}/audio`, { headers: { ...alice, range: 'bytes=0-3' } });
    expect([part.status, await part.text()]).toEqual([206, 'RIFF']);
    const over = await call('GET', `${path}/audio`, { headers: { ...alice, range: 'bytes=99999999-' } });
    expect([over.status, over.headers.get('content-range')]).toEqual([416, `bytes */${tone(2).length}`]);
    expect((await call('GET', `${path}/audio`, { headers: bob })).status).toBe(404);
  });

  test('that was swept is an audio_gone', async () => {
    const { call, path, id, data } = await made();
    const request = JSON.parse(await readFile(join(data, 'jobs', id, 'request.json'), 'utf8')) as {
      audio: { path: string };
    };
    await rm(join(data, request.audio.path));
    expect(await call('GET', `${path}/audio`, { headers: alice })).toMatchObject({
      status: 410,
      body: { code: 'audio_gone' },
    });
  });
});

test('a job says when its files go', async () => {
  const service = await startService({
    redisUrl: `${redisUrlOfFile}/9`,
    workers: 1,
    env: { ...withFixtureModel, RETENTION_DAYS: '2' },
  });
  const { body } = await service.submit();
  expect((await service.get(`/jobs/${body['job_id']}`)).body['expires_at']).toBeNull();
  const record = await service.until(body['job_id'], 'succeeded');
  expect(Date.parse(record['expires_at']) - Date.parse(record['finished_at'])).toBe(2 * 86_400_000);
  const packed = await fetch(`${service.url}/jobs/${body['job_id']}/preview`);
  expect([200, 404]).toContain(packed.status);
});
