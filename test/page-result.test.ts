/// <reference lib="dom" />
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { sharedBrowser } from './browser.ts';
import { sharedService, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const visit = sharedBrowser();
const service = sharedService({ redisUrl: redisUrlOfFile + '/2', workers: 1, env: withFixtureModel });

async function done(fields: Record<string, string> = {}): Promise<string> {
  const api = await service();
  const { body } = await api.submit({ title: 'A map', difficulty: '4.5', ...fields });
  await api.until(body['job_id'], 'succeeded');
  return body['job_id'];
}

async function download(page: Page): Promise<string> {
  const link = page.getByRole('link', { name: 'Download .osz' });
  const [file] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return file.suggestedFilename();
}

test('the result says who made it, the seed, the stars asked and got, what the checks found, and when it goes', async () => {
  const id = await done({ seed: '1234' });
  const { page } = await visit(`${(await service()).url}/jobs/${id}`);
  await page.locator('.report').waitFor();
  expect(await page.locator('.job-head').innerText()).toMatch(/osu!.*4\.5★.*Mapperatorinator v\d+.*seed 1234/s);
  expect(await page.locator('.report').innerText()).toMatch(/\d★\s+asked for 4\.5★/);
  expect(await page.locator('.findings').getAttribute('open')).toBeNull();
  await page.locator('.findings summary').click();
  await page.getByText('whole map').first().waitFor();
  expect(await page.locator('.take').innerText()).toContain('The files go in');
});

test.each([
  ['its data cannot be had', '**/preview', 500],
  ['its program cannot be had', '**/assets/player-*.js', 404],
])('a preview fails without taking the download with it: %s', async (_, address, status) => {
  const id = await done();
  const { page, context } = await visit(`${(await service()).url}/?history`);
  await context.route(address, (route) => route.fulfill({ status, body: '{}' }));
  await page.goto(`${(await service()).url}/jobs/${id}`);
  await page.getByText('The preview cannot be shown.').waitFor();
  expect(await download(page)).toMatch(/\.osz$/);
  await page.locator('.report').waitFor();
});

test('a preview that makes no sense is told, and everything else is there', async () => {
  const id = await done();
  const { page, context } = await visit(`${(await service()).url}/?history`);
  await context.route('**/preview', (route) => route.fulfill({ json: { version: 1 } }));
  await page.goto(`${(await service()).url}/jobs/${id}`);
  await page.getByText('The preview cannot be shown.').waitFor();
  expect(await download(page)).toMatch(/\.osz$/);
  await page.locator('.actions').waitFor();
});

test('a job says how long it may still take once there were three like it, and says nothing before', async () => {
  const api = await service();
  for (let i = 0; i < 3; i += 1) await done({ title: 'fixture:slow=4' });
  const { body } = await api.submit({ title: 'fixture:slow=20' });
  const { page } = await visit(`${api.url}/jobs/${body['job_id']}`);
  await page.getByText(/(less than|–)\s?\d+ (second|minute)s? left/).waitFor();
  expect(await page.locator('.outlook').innerText()).not.toMatch(/-\d/);
  const other = await api.submit({ title: 'fixture:slow=20', gamemode: '1' }); // the first of its mode
  const second = await visit(`${api.url}/jobs/${other.body['job_id']}`);
  await second.page.locator('.outlook').waitFor();
  expect(await second.page.locator('.outlook').innerText()).not.toContain('left');
  for (const id of [other.body['job_id'], body['job_id']]) await api.call('POST', `/jobs/${id}/cancel`);
}, 60_000);
