/// <reference lib="dom" />
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { sharedBrowser } from './browser.ts';
import { eventually, sharedService, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const visit = sharedBrowser();
const service = sharedService({ redisUrl: redisUrlOfFile + '/6', workers: 1, env: withFixtureModel });

/** A job that ends with its test, so that none waits behind it. */
async function submit(fields: Record<string, string>): Promise<string> {
  const api = await service();
  const id = (await api.submit(fields)).body['job_id'] as string;
  onTestFinished(async () => {
    await api.call('POST', `/jobs/${id}/cancel`);
    await api.until(id, ['succeeded', 'failed', 'cancelled']).catch(() => undefined);
  });
  return id;
}
const shownPercent = (page: Page) =>
  page
    .locator('.percent')
    .innerText()
    .then((text) => parseInt(text, 10));
const shownLines = (page: Page) => page.locator('.log-lines div').allTextContents();

/** Keeps every text that is shown at a place from now on. */
async function keepTexts(page: Page, selector: string) {
  await page.evaluate((place) => {
    const kept: string[] = [];
    (window as unknown as { kept: string[] }).kept = kept;
    const look = () => {
      const text = document.querySelector(place)?.textContent?.trim();
      if (text && kept.at(-1) !== text) kept.push(text);
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  }, selector);
  return () => page.evaluate(() => (window as unknown as { kept: string[] }).kept);
}

test('a reload in the middle shows the same stage, percent and log within a second, and makes no second job', async () => {
  const api = await service();
  const id = await submit({ title: 'fixture:slow=8' });
  const { page } = await visit(`${api.url}/jobs/${id}`);
  await eventually(
    () => shownPercent(page),
    (percent) => percent > 10,
  );
  const lines = await shownLines(page);
  const percent = await shownPercent(page);
  await page.reload();
  await page.locator('.percent').waitFor();
  const loaded = Date.now();
  await eventually(
    () => shownLines(page),
    (now) => now.length >= lines.length,
    1000,
  );
  expect(Date.now() - loaded).toBeLessThan(1000);
  expect((await shownLines(page)).slice(0, lines.length)).toEqual(lines);
  expect(await shownPercent(page)).toBeGreaterThanOrEqual(percent);
  expect(await page.title()).toMatch(/^\d+% · /);
  expect((await api.get('/jobs')).body['jobs']).toHaveLength(1);
});

test('stages are announced once by name, never the percent, and the log is silent', async () => {
  const id = await submit({ title: 'fixture:slow=4' });
  const { page } = await visit(`${(await service()).url}/jobs/${id}`);
  const said = await keepTexts(page, '[aria-live=polite]');
  await page.locator('.take').waitFor();
  const all = await said();
  expect(all.length).toBeGreaterThan(3);
  expect(new Set(all).size).toBe(all.length);
  expect(all.join()).not.toMatch(/%|\d/);
  expect(all.at(-1)).toBe('Done');
  await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => (fold.open = true)));
  expect(await page.locator('[role=log]').getAttribute('aria-live')).toBe('off');
});

test('why a job failed is said in words, with its id, and it can be tried again', async () => {
  const api = await service();
  const id = await submit({ title: 'fixture:no-beat' });
  await api.until(id, 'failed');
  const { page } = await visit(`${api.url}/jobs/${id}`, { language: 'zh' });
  await page.getByText('没有听到节拍。').waitFor();
  await page.getByText('详情').click();
  expect(await page.locator('.facts-list').innerText()).toContain(id);
  expect(await page.locator('body').innerText()).not.toContain('Traceback');
  await page.getByRole('button', { name: '重试' }).click();
  await page.waitForURL((url) => url.pathname.startsWith('/jobs/') && !url.pathname.endsWith(id));
  const made = await api.get(new URL(page.url()).pathname);
  expect(made.body['retry_of']).toBe(id);
});

test('a stream that is lost for seconds is opened again, and the end of the job is not missed', async () => {
  const api = await service();
  const id = await submit({ title: 'fixture:slow=3' });
  const { page } = await visit(`${api.url}/jobs/${id}`);
  await page.locator('.progress').waitFor();
  await page.route('**/stream*', (route) => route.abort());
  await page.evaluate(() => dispatchEvent(new Event('online'))); // the stream from before is given up
  await page.getByText('reconnecting').waitFor();
  const lines = await shownLines(page);
  await api.until(id, 'succeeded');
  await page.locator('.take').waitFor({ timeout: 3000 });
  await page.unroute('**/stream*');
  const all = await eventually(
    () => shownLines(page),
    (now) => now.some((line) => /^Generated .* saved/.test(line)),
    5000,
  );
  expect(all.slice(0, lines.length)).toEqual(lines);
});

test('a job that is over is shown as it ended, whatever its log tells again', async () => {
  const api = await service();
  const id = await submit({ title: 'Over' });
  await api.until(id, 'succeeded');
  const { page, context, requests } = await visit(`${api.url}/?history`);
  await context.addInitScript(() => {
    const shown = new Set<string>();
    (window as unknown as { shown: Set<string> }).shown = shown;
    new MutationObserver(() => {
      const badge = document.querySelector('.badge')?.textContent;
      if (badge) shown.add(badge);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  await page.goto(`${api.url}/jobs/${id}`);
  await page.locator('.preview').waitFor();
  await eventually(
    () => shownLines(page),
    (lines) => lines.length > 0,
  );
  await page.waitForTimeout(300);
  expect(await page.evaluate(() => [...(window as unknown as { shown: Set<string> }).shown])).toEqual(['Done']);
  expect(requests.filter((url) => url.endsWith('/preview'))).toHaveLength(1);
});

/** A headless browser sees all its tabs: this is what another tells its pages. */
const setHidden = (page: Page, hidden: boolean) =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

test('eight tabs of running jobs all load, and one that is looked at again goes on where it was', async () => {
  const { url } = await service();
  const id = await submit({ title: 'fixture:slow=100' });
  const first = await visit(`${url}/jobs/${id}`);
  const { page, context } = first;
  await eventually(
    () => shownLines(page),
    (lines) => lines.length > 0,
  );
  const before = await shownLines(page);
  await setHidden(page, true);
  for (let i = 1; i < 8; i += 1) {
    const tab = await visit(`${url}/jobs/${id}`, { context });
    await tab.page.locator('.percent').waitFor({ timeout: 5000 });
    await setHidden(tab.page, true);
  }
  await setHidden(page, false);
  const after = await eventually(
    () => shownLines(page),
    (lines) => lines.length > before.length,
  );
  expect(after.slice(0, before.length)).toEqual(before);
  expect(new Set(first.requests.filter((path) => path.includes('/stream'))).size).toBe(2);
}, 60_000);

test('a job that is deleted elsewhere while its page is away is told to be gone, and is not asked for any more', async () => {
  const api = await service();
  const id = (await api.submit({ title: 'fixture:slow=100' })).body['job_id'] as string;
  const { page, requests } = await visit(`${api.url}/jobs/${id}`);
  await page.locator('.progress').waitFor();
  await page.route(`**/jobs/${id}*/**`, (route) => route.abort());
  await page.route(`**/jobs/${id}`, (route) => route.abort());
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await page.getByText('reconnecting').waitFor();
  await api.call('POST', `/jobs/${id}/cancel`);
  await api.until(id, 'cancelled');
  expect((await api.call('DELETE', `/jobs/${id}`)).status).toBe(204);
  await page.unrouteAll();
  await page.getByText('There is no such job.').waitFor();
  expect(await page.locator('.progress').count()).toBe(0);
  const asked = requests.length;
  await page.waitForTimeout(2500);
  expect(requests).toHaveLength(asked);
});
