/// <reference lib="dom" />
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { sharedBrowser } from './browser.ts';
import { demoSong, sharedService, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const visit = sharedBrowser();
const service = sharedService({ redisUrl: redisUrlOfFile + '/12', workers: 1, env: withFixtureModel });

/** Counts layout shifts from the first moment of each document on. */
const observe = (page: Page) =>
  page.addInitScript(() => {
    const found = { shift: 0, moved: [] as string[] };
    (window as unknown as { found: typeof found }).found = found;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
        sources: { node: Element | null }[];
      })[]) {
        if (entry.hadRecentInput) continue;
        found.shift += entry.value;
        found.moved.push(
          ...entry.sources.map(({ node }) => `${entry.value.toFixed(4)} ${node?.nodeName} ${node?.className}`),
        );
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
const found = (page: Page) =>
  page.evaluate(() => (window as unknown as { found: { shift: number; moved: string[] } }).found);

test.each([360, 1280])('nothing jumps while the page loads and a job runs, %s px wide', async (width) => {
  const { url } = await service();
  const { page } = await visit(url, { width });
  await observe(page);
  await page.goto(url);
  await page.locator('.send').waitFor();
  await page.waitForTimeout(500);
  const loading = await found(page);
  expect(loading.shift, loading.moved.join('\n')).toBeLessThanOrEqual(0.02);
  await page.setInputFiles('input[multiple]', demoSong);
  await page.click('.send button');
  await page.locator('.take').waitFor();
  await page.waitForTimeout(500);
  const all = await found(page);
  expect(all.shift, all.moved.join('\n')).toBeLessThanOrEqual(0.02);
});
