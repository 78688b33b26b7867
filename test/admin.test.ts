import { chromium } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findChromium } from './programs.ts';
import {
  eventually,
  sharedService,
  startService,
  tone,
  withFixtureModel,
  type Service,
  redisOfFile,
} from './service.ts';

const redisUrlOfFile = await redisOfFile();

const redisUrl = `${redisUrlOfFile}/13`;
const alice = { 'x-api-key': 'alice-key-0123456789' };
const admin = { 'x-api-key': 'admin-key-0123456789' };
const keys = { API_KEYS: 'alice:alice-key-0123456789', ADMIN_KEY: 'admin-key-0123456789' };

async function submit(service: Service, fields: Record<string, string>, headers: Record<string, string>) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('audio_file', new Blob([new Uint8Array(tone(2))]), 'song.wav');
  return (await service.call('POST', '/process', { headers, body })).body['job_id'] as string;
}

describe.each([
  ['with a queue', redisUrl, 2],
  ['without Redis', null, 0],
])('%s', (_name, url, workers) => {
  const shared = sharedService({ redisUrl: url, workers, env: { ...withFixtureModel, ...keys } });

  test('the admin sees what waits, who works on what, and what failed and why', async () => {
    const service = await shared();
    const overview = async () => (await service.call('GET', '/admin/overview', { headers: admin })).body;
    const failed = await submit(service, { title: 'fixture:oom' }, alice);
    const failures = await eventually(
      async () => (await overview())['failures'] as Record<string, unknown>[],
      (found) => found.length > 0,
    );
    expect(failures[0]).toEqual({
      job_id: failed,
      state: 'failed',
      code: 'model_oom',
      detail: expect.any(String) as string,
      stage: expect.any(String) as string,
      finished_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      engine: 'mapperatorinator',
      model: expect.any(String) as string,
    });
    const slots = Math.max(1, workers);
    const ids: string[] = [];
    for (let i = 0; i < slots + 2; i += 1) ids.push(await submit(service, { title: 'fixture:slow=20' }, alice));
    const busy = await eventually(overview, (found) => {
      const jobs = (found['workers'] as { jobs: unknown[] }[]).flatMap((worker) => worker.jobs);
      return jobs.length === slots && found['queues']['mapperatorinator'].waiting === 2;
    });
    expect(busy).toMatchObject({ paused: false, mode: url === null ? 'memory' : 'redis' });
    expect(busy['queues']['mapperatorinator']).toMatchObject({ waiting: 2, active: slots });
    expect(busy['workers']).toHaveLength(slots);
    for (const worker of busy['workers']) {
      expect(worker).toMatchObject({ worker: expect.stringContaining(':') as string, devices: ['Fixture GPU'] });
      const [job] = worker.jobs as Record<string, unknown>[];
      expect(ids).toContain(job!['job_id']);
      expect(job).toMatchObject({ stage: expect.any(String) as string, progress: expect.any(Number) as number });
      expect(Date.now() - Date.parse(job!['started_at'] as string)).toBeLessThan(30_000);
    }
    for (const id of ids) await service.call('POST', `/jobs/${id}/cancel`, { headers: admin });
  });

  test.each([
    ['GET', '/admin/overview'],
    ['POST', '/admin/pause'],
    ['POST', '/admin/resume'],
    ['GET', '/admin/queues/'],
    ['GET', '/admin/queues/api/queues'],
  ])('%s %s is for the admin, from our own page', async (method, path) => {
    const { call } = await shared();
    expect((await call(method, path)).status).toBe(401);
    expect((await call(method, `${path}?share=x`)).status).toBe(401);
    expect(await call(method, path, { headers: alice })).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const foreign = await call(method, path, { headers: { ...admin, origin: 'https://evil.example' } });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'foreign_origin' } });
  });

  test('what is there has its method', async () => {
    const { call } = await shared();
    expect((await call('GET', '/admin/pause', { headers: admin })).status).toBe(405);
    expect((await call('DELETE', '/admin/overview', { headers: admin })).status).toBe(405);
  });
});

describe("BullMQ's board", () => {
  const shared = sharedService({ redisUrl, workers: 1, env: { ...withFixtureModel, ...keys } });

  test('is to look at only', async () => {
    const service = await shared();
    const id = await submit(service, {}, alice);
    await eventually(
      async () => (await service.call('GET', `/jobs/${id}`, { headers: alice })).body['state'] as string,
      (state) => state === 'succeeded',
    );
    const { status, body } = await service.call('GET', '/admin/queues/api/queues', { headers: admin });
    expect(status).toBe(200);
    const names = (body['queues'] as { name: string; readOnlyMode: boolean }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(['generate-builtin', 'generate-mapperatorinator']);
    expect((body['queues'] as { readOnlyMode: boolean }[]).every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    const queue = '/admin/queues/api/queues/generate-mapperatorinator';
    for (const [method, path] of [
      ['PUT', `${queue}/pause`],
      ['PUT', `${queue}/${id}/clean`],
      ['PUT', `${queue}/empty`],
      ['POST', `${queue}/add`],
      ['DELETE', queue],
    ] as const)
      expect((await service.call(method, path, { headers: admin })).status, path).toBe(405);
  });

  test('opens in a browser that has signed in, loads nothing from elsewhere and breaks no rule of its policy', async () => {
    const service = await shared();
    const { url } = service;
    const browser = await chromium.launch({
      executablePath: findChromium(),
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
    });
    onTestFinished(() => browser.close());
    const context = await browser.newContext();
    const answer = await context.request.post(`${url}/session`, { data: { key: 'admin-key-0123456789' } });
    expect(answer.status()).toBe(204);
    const page = await context.newPage();
    const answered: string[] = [];
    page.on('response', (response) => answered.push(response.url()));
    await page.goto(`${url}/admin/queues/`);
    await page.getByText('generate-mapperatorinator').first().waitFor();
    expect(answered.filter((one) => !one.startsWith(url))).toEqual([]);
    const csp = (await page.goto(`${url}/admin/queues/`))?.headers()['content-security-policy'];
    expect(csp).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  test('is not there without Redis', async () => {
    const service = await startService({ redisUrl: null, env: withFixtureModel });
    expect((await service.get('/admin/queues/')).status).toBe(404);
    expect((await service.get('/admin/overview')).status).toBe(200);
  });
});
