import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eventually, sharedService, startService, withFixtureModel } from './service.ts';

const shared = sharedService({ redisUrl: null, env: { ...withFixtureModel, WORKER_CONCURRENCY: '2' } });

interface Frame {
  id?: string;
  event: string;
  data: string;
}

/** Reads a stream to its end, or until `enough` frames have come, or until the connection is cut after so many ms. */
async function read(url: string, lastEventId?: string, enough = Infinity, cutAfterMs = 60_000): Promise<Frame[]> {
  const leave = new AbortController();
  const cut = setTimeout(() => leave.abort(), cutAfterMs);
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const frames: Frame[] = [];
  let rest = '';
  try {
    const response = await fetch(url, { headers, signal: leave.signal });
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\r\n\r\n');
      rest = parts.pop()!;
      frames.push(...parts.filter((part) => !part.startsWith(':')).map(parse));
      if (frames.length >= enough) break;
    }
  } catch (error) {
    if (!leave.signal.aborted) throw error;
  } finally {
    clearTimeout(cut);
    leave.abort();
  }
  return frames;
}

function parse(block: string): Frame {
  const frame: Frame = { event: '', data: '' };
  const data: string[] = [];
  for (const line of block.split('\r\n')) {
    const [, name, value] = /^(\w+): ?(.*)$/s.exec(line)!;
    if (name === 'data') data.push(value!);
    else if (name === 'id') frame.id = value!;
    else if (name === 'event') frame.event = value!;
  }
  return { ...frame, data: data.join('\n') };
}

const withIds = (frames: Frame[]) => frames.filter(({ id }) => id !== undefined);

test('a stream begins with a snapshot, has every line once and one terminal event at its end', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=1' });
  const frames = await read(`${api.url}/jobs/${body['job_id']}/stream`);
  expect(frames[0]!.event).toBe('snapshot');
  expect(JSON.parse(frames[0]!.data)).toMatchObject({ job_id: body['job_id'] });
  expect(frames.at(-1)).toMatchObject({ event: 'completed', data: '处理完成' });
  const ids = withIds(frames).map(({ id }) => Number(id));
  expect(ids).toEqual(ids.map((_, i) => i + 1));
  const output = frames.filter(({ event }) => event === 'output').map(({ data }) => data);
  const { body: debug } = await api.get(`/jobs/${body['job_id']}/debug`);
  expect(output).toHaveLength(debug['total_output_lines']);
  expect(output).toContain('Generating map');
});

test('viewers that come at different times, leave and come back all see the same lines', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=2' });
  const url = `${api.url}/jobs/${body['job_id']}/stream`;
  const whole = read(url);
  const first = await read(url, undefined, 5);
  await sleep(300);
  const late = read(url);
  const rest = await read(url, withIds(first).at(-1)!.id);
  const expected = withIds(await whole);
  expect(withIds(await late)).toEqual(expected);
  expect([...withIds(first), ...withIds(rest)]).toEqual(expected);
  expect((await api.get(`/jobs/${body['job_id']}`)).body['state']).toBe('succeeded');
});

test('who comes back to a finished job gets its terminal event again', async () => {
  const api = await shared();
  const { body } = await api.submit();
  await api.until(body['job_id'], 'succeeded');
  const all = await read(`${api.url}/jobs/${body['job_id']}/stream`);
  const again = await read(`${api.url}/jobs/${body['job_id']}/stream`, all.at(-1)!.id);
  expect(again.map(({ event }) => event)).toEqual(['snapshot', 'completed']);
});

test('a failed job ends its stream with failed and the reason', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:no-beat' });
  const last = (await read(`${api.url}/jobs/${body['job_id']}/stream`)).at(-1)!;
  const record = (await api.get(`/jobs/${body['job_id']}`)).body;
  expect(last).toMatchObject({ event: 'failed', data: `处理失败: ${record['error']['detail']}` });
});

test.each(['nonsense', '-3', '1e999', '999999'])('Last-Event-ID: %s loses nothing of what comes', async (last) => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=4' });
  await api.until(body['job_id'], 'running');
  const events = await read(`${api.url}/jobs/${body['job_id']}/stream`, last);
  expect(events[0]).toMatchObject({ event: 'snapshot' });
  expect(events.filter(({ event }) => event === 'progress').length).toBeGreaterThan(1);
  expect(events.at(-1)).toMatchObject({ event: 'completed' });
});

test('the snapshot of a job that has succeeded names its files', async () => {
  const api = await shared();
  const { body } = await api.submit();
  await api.until(body['job_id'], 'succeeded');
  const [snapshot] = await read(`${api.url}/jobs/${body['job_id']}/stream`);
  const { output_files: files } = (await api.get(`/jobs/${body['job_id']}/status`)).body;
  expect(JSON.parse(snapshot!.data)).toMatchObject({ status: 'completed', output_files: files as string[] });
});

test('an unknown job is 200 with one error event', async () => {
  const api = await shared();
  const frames = await read(`${api.url}/jobs/01a20d20-19ab-7709-80f0-0b07b0d6cd69/stream`);
  expect(frames).toEqual([{ event: 'error', data: '任务不存在' }]);
});

test('a viewer that reads nothing delays nobody', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=1' });
  const { port } = new URL(api.url);
  const deaf = connect(Number(port), '127.0.0.1');
  deaf.write(`GET /jobs/${body['job_id']}/stream HTTP/1.1\r\nhost: x\r\n\r\n`);
  deaf.pause();
  const frames = await read(`${api.url}/jobs/${body['job_id']}/stream`);
  expect(frames.at(-1)!.event).toBe('completed');
  deaf.destroy();
});

test('a stream goes on with the next ids after the API was restarted under it', async () => {
  const service = await startService({ redisUrl: null, env: withFixtureModel });
  const { body } = await service.submit({ title: 'fixture:slow=2' });
  const path = `/jobs/${body['job_id']}/stream`;
  const before = await read(service.url + path, undefined, 8);
  await service.apis[0]!.end('SIGKILL');
  const next = await service.start('api');
  const after = await read(service.urlOf(next) + path, withIds(before).at(-1)!.id);
  const ids = [...withIds(before), ...withIds(after)].map(({ id }) => Number(id));
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
  expect(new Set(ids).size).toBe(ids.length);
  expect(after.at(-1)!.event).toBe('completed');
  await eventually(
    async () => (await fetch(`${service.urlOf(next)}/jobs/${body['job_id']}`)).json() as Promise<{ state: string }>,
    ({ state }) => state === 'succeeded',
  );
}, 60_000);

test('a viewer that is cut off every 200 ms ends up with the same events as one that stayed', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=3' });
  const url = `${api.url}/jobs/${body['job_id']}/stream`;
  const whole = read(url);
  const pieces: Frame[] = [];
  let cuts = 0;
  while (pieces.at(-1)?.event !== 'completed') {
    const piece = await read(url, pieces.at(-1)?.id, Infinity, 200);
    pieces.push(...withIds(piece));
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(8);
  expect(pieces).toEqual(withIds(await whole));
}, 30_000);

test('ten viewers of one job, on two APIs, see the same events', async () => {
  const service = await startService({ redisUrl: null, apis: 2, env: withFixtureModel });
  const { body } = await service.submit({ title: 'fixture:slow=2' });
  const urls = service.apis.map((api) => `${service.urlOf(api)}/jobs/${body['job_id']}/stream`);
  const viewers = await Promise.all(Array.from({ length: 10 }, (_, i) => read(urls[i % 2]!)));
  for (const frames of viewers) expect(withIds(frames)).toEqual(withIds(viewers[0]!));
  expect(withIds(viewers[0]!).length).toBeGreaterThan(10);
});

test('a stream that has nothing to say beats, at least every 15 s', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:hang fixture:slow=1' });
  const leave = AbortSignal.timeout(40_000);
  await sleep(2_000); // it has said all that it has to say
  const before = (await api.get(`/jobs/${body['job_id']}/progress`)).body;
  const response = await fetch(`${api.url}/jobs/${body['job_id']}/stream`, { signal: leave });
  let saidAt = Date.now();
  let longest = 0;
  let beats = 0;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    longest = Math.max(longest, Date.now() - saidAt);
    saidAt = Date.now();
    beats += [...chunk.matchAll(/^: ping - \d{4}-/gm)].length;
    if (beats === 1) break;
  }
  expect(longest).toBeLessThan(15_000 + 1_000);
  // Nothing was heard, so nothing has changed: progress is not made of time.
  expect((await api.get(`/jobs/${body['job_id']}/progress`)).body).toEqual(before);
  await api.call('POST', `/jobs/${body['job_id']}/cancel`);
  await api.until(body['job_id'], 'cancelled');
}, 60_000);

test('viewers that leave change nothing: the job is listed, can be cancelled, and ends', async () => {
  const api = await shared();
  const { body } = await api.submit({ title: 'fixture:slow=2' });
  const id = body['job_id'] as string;
  const url = `${api.url}/jobs/${id}/stream`;
  for (let i = 0; i < 5; i += 1) await read(url, undefined, 3);
  const listed = (await api.get('/jobs')).body['jobs'] as { job_id: string }[];
  expect(listed.map((job) => job.job_id)).toContain(id);
  expect((await api.call('POST', `/jobs/${id}/cancel`)).body).toMatchObject({ status: 'cancelled' });
  await api.until(id, 'cancelled');
});

test('the long log of a job that has ended is told as fast as it is read', async () => {
  const api = await shared();
  const { body } = await api.submit();
  await api.until(body['job_id'], 'succeeded');
  const path = join(api.data, 'jobs', body['job_id'] as string, 'events.jsonl');
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const more = Array.from({ length: 20_000 }, (_, i) => JSON.stringify({ at: 0, type: 'output', line: `line ${i}` }));
  await writeFile(path, `${[...lines.slice(0, -1), ...more, ...lines.slice(-1)].join('\n')}\n`);
  const started = performance.now();
  const frames = await read(`${api.url}/jobs/${body['job_id']}/stream`);
  expect(frames.filter(({ event }) => event === 'output').length).toBeGreaterThan(20_000);
  expect(performance.now() - started).toBeLessThan(6_000);
});
