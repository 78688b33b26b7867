/// <reference lib="dom" />
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { axeViolations, overflow, sharedBrowser, type OpenPage } from './browser.ts';
import { demoSong, sharedService, tone, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

/**
 * Every state of the page, in both languages and themes, on a phone and on a desk: nothing for axe to find, nothing wider than the
 * window, nothing to press that is too small. PAGE_SCREENSHOTS names a folder for pictures of all of them (scripts/page-screenshots.mjs).
 */

const folder = process.env['PAGE_SCREENSHOTS'];
const visit = sharedBrowser();
const keys = { API_KEYS: 'alice:key-of-alice-000000', ADMIN_KEY: 'key-of-the-admin-0000' };
const service = sharedService({ redisUrl: redisUrlOfFile + '/11', workers: 1, env: withFixtureModel });
const locked = sharedService({ redisUrl: redisUrlOfFile + '/13', env: { ...withFixtureModel, ...keys } });

/** A job of the fixture program; its title chooses how it goes. */
async function job(title: string, until?: string, fields: Record<string, string> = {}): Promise<string> {
  const api = await service();
  const { body } = await api.submit({ title, difficulty: '5.3', ...fields }, tone(), 'A song with a long name.wav');
  if (until) await api.until(body['job_id'], until);
  return body['job_id'];
}

/** A job that runs or waits for as long as the state is looked at. */
async function openJob(title: string, until?: string) {
  const id = await job(title, until);
  return { id, end: async () => void (await (await service()).call('POST', `/jobs/${id}/cancel`)) };
}

/** A whole song's map by the built-in generator, its player in the middle and still. */
async function previewOf(gamemode: number, fields: Record<string, string> = {}) {
  const api = await service();
  const asked = { model: 'builtin', gamemode: `${gamemode}`, difficulty: '4.2', ...fields };
  const { body } = await api.submit(asked, demoSong, 'A song.ogg');
  await api.until(body['job_id'], 'succeeded');
  const seen = await visit(`${api.url}/jobs/${body['job_id']}`);
  const timeline = seen.page.getByRole('slider', { name: 'Timeline' });
  const seconds = async (attribute: string) => Number(await timeline.getAttribute(attribute));
  await timeline.press('Home');
  for (let i = 0; i < 40 && (await seconds('aria-valuenow')) < (await seconds('aria-valuemax')) / 2; i += 1)
    await timeline.press('ArrowRight');
  expect(await seconds('aria-valuenow')).toBeGreaterThanOrEqual((await seconds('aria-valuemax')) / 2);
  await seen.page.locator('.report').waitFor();
  return { seen };
}

const states: Record<string, () => Promise<{ seen: OpenPage; end?: () => Promise<void> }>> = {
  async submit() {
    const seen = await visit((await service()).url);
    await seen.page.locator('.send').waitFor();
    return { seen };
  },
  async 'submit, filled'() {
    const seen = await visit((await service()).url);
    const { page } = seen;
    await page.locator('.send').waitFor();
    await page.setInputFiles('input[multiple]', [
      { name: 'song.ogg', mimeType: 'audio/ogg', buffer: await readFile(demoSong) },
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no song') },
    ]);
    await openFolds(page);
    await page.locator('.chip').nth(2).click();
    await page.locator('.chip').nth(4).dblclick();
    await page.fill('#field-difficulty', '50');
    await page.click('.send button');
    await page.locator('.field-problem').nth(1).waitFor();
    return { seen };
  },
  async queued() {
    const first = await openJob('fixture:slow=60', 'running');
    const second = await openJob('fixture:slow=1');
    const seen = await visit(`${(await service()).url}/jobs/${second.id}`);
    await seen.page.locator('.progress').waitFor();
    return { seen, end: async () => void (await Promise.all([first.end(), second.end()])) };
  },
  async running() {
    const { id, end } = await openJob('fixture:slow=60', 'running');
    const seen = await visit(`${(await service()).url}/jobs/${id}`);
    await seen.page.locator('.log-lines div').first().waitFor();
    return { seen, end };
  },
  async succeeded() {
    const id = await job('A map', 'succeeded', { artist: 'Somebody', seed: '7' });
    const seen = await visit(`${(await service()).url}/jobs/${id}`);
    await seen.page.locator('.take .primary').waitFor();
    await seen.page.getByRole('button', { name: 'Share' }).click();
    await seen.page.locator('.share input').waitFor();
    await openFolds(seen.page);
    return { seen };
  },
  'osu!': () => previewOf(0),
  taiko: () => previewOf(1),
  catch: () => previewOf(2),
  mania: () => previewOf(3, { keycount: '4' }),
  async shared() {
    const id = await job('A map', 'succeeded');
    const { body } = await (await service()).call('POST', `/jobs/${id}/share`);
    return { seen: await visit((await service()).url + body['url']) };
  },
  async failed() {
    const id = await job('fixture:no-beat').then(async (id) => (await (await service()).until(id, 'failed'))['job_id']);
    const seen = await visit(`${(await service()).url}/jobs/${id}`);
    await seen.page.locator('.notice.bad').waitFor();
    await openFolds(seen.page);
    return { seen };
  },
  async cancelled() {
    const { id, end } = await openJob('fixture:slow=60', 'running');
    await end();
    await (await service()).until(id, 'cancelled');
    return { seen: await visit(`${(await service()).url}/jobs/${id}`) };
  },
  async 'no such job'() {
    const seen = await visit(`${(await service()).url}/jobs/0190a1b2-c3d4-7000-8000-000000000000`);
    await seen.page.locator('.notice.bad').waitFor();
    return { seen };
  },
  async 'again with changes'() {
    const id = await job('A map', 'succeeded', { artist: 'Somebody' });
    const seen = await visit(`${(await service()).url}/?from=${id}`);
    await seen.page.locator('.send').waitFor();
    return { seen };
  },
  async 'history, empty'() {
    return { seen: await visit(`${(await service()).url}/?history`) };
  },
  async history() {
    const done = await job('A map', 'succeeded');
    const failed = await job('fixture:oom');
    await (await service()).until(failed, 'failed');
    const seen = await visit(`${(await service()).url}/jobs/${done}`);
    await seen.page.locator('.take').waitFor();
    await seen.page.goto(`${(await service()).url}/jobs/${failed}`);
    await seen.page.locator('.notice.bad').waitFor();
    await seen.page.goto(`${(await service()).url}/?history`);
    await seen.page.locator('.row .danger').nth(1).waitFor();
    return { seen };
  },
  async operator() {
    const failed = await job('fixture:oom');
    await (await service()).until(failed, 'failed');
    const { end } = await openJob('fixture:slow=60', 'running');
    const seen = await visit(`${(await service()).url}/?operator`);
    await seen.page.getByText('There was not enough memory.').first().waitFor();
    return { seen, end };
  },
  async 'signed in'() {
    const seen = await visit((await locked()).url);
    await seen.page.fill('input[type=password]', keys.ADMIN_KEY);
    await seen.page.keyboard.press('Enter');
    await seen.page.locator('.sign-out').waitFor();
    await seen.page.locator('.send').waitFor();
    return { seen };
  },
  async 'sign in'() {
    const seen = await visit((await locked()).url);
    await seen.page.fill('input[type=password]', 'not the key');
    await seen.page.click('.sign-in .primary');
    await seen.page.locator('.notice.bad').waitFor();
    return { seen };
  },
};

const openFolds = (page: Page) =>
  page.evaluate(() => document.querySelectorAll('details').forEach((fold) => (fold.open = true)));

test.each(Object.keys(states))(
  'the page is right in every language, theme and width: %s',
  async (name) => {
    const { seen, end } = await states[name]!();
    const { page } = seen;
    const found: string[] = [];
    for (const language of ['en', 'zh'] as const) {
      if (language === 'zh') await page.locator('.preferences button[lang]').click();
      await page.locator(language === 'zh' ? 'html[lang=zh-CN]' : 'html[lang=en]').waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        // 640: a desk's window at 200 %.
        for (const width of [1280, 640, 360, 320]) {
          await page.setViewportSize({ width, height: 900 });
          const where = `${language} ${colorScheme} ${width}`;
          const wider = await overflow(page);
          if (wider > 0) found.push(`${where}: ${wider} px too wide`);
          if (width === 320 || width === 640) continue;
          const lines = Math.floor((await page.locator('.top').boundingBox())!.height / 48);
          if (lines > (width < 700 ? 2 : 1)) found.push(`${where}: the header has ${lines} lines`);
          found.push(...(await axeViolations(page)).map((violation) => `${where}: ${violation}`));
          found.push(...(await smallTargets(page)).map((target) => `${where}: too small: ${target}`));
          if (folder) await picture(page, `${name} ${where}`);
        }
      }
    }
    await end?.();
    expect(found).toEqual([]);
    expect(seen.thirdParty()).toEqual([]);
    expect(seen.messages.filter((message) => !/status of (401|404)/.test(message))).toEqual([]);
  },
  120_000,
);

/** What can be pressed and is less than 44 px high or wide. A link within a sentence is as high as its line. */
const smallTargets = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, select, input:not([hidden]), summary, nav a, a.button')]
      .map((element) => element.closest<HTMLElement>('label.check, label.segment') ?? element)
      .filter((element) => element.checkVisibility())
      .map((element) => ({ html: element.outerHTML.slice(0, 100), box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.height > 0 && (box.height < 43.5 || box.width < 43.5))
      .map(({ html, box }) => `${Math.round(box.width)} × ${Math.round(box.height)} ${html}`),
  );

async function picture(page: Page, name: string) {
  await mkdir(folder!, { recursive: true });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder!, `${name.replaceAll(/[ ,]+/g, '-')}.png`), fullPage: true });
}
