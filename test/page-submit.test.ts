/// <reference lib="dom" />
import { readFile } from 'node:fs/promises';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { sharedBrowser } from './browser.ts';
import { demoSong, eventually, sharedService, startService, tone, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const visit = sharedBrowser();
const service = sharedService({
  redisUrl: redisUrlOfFile + '/15',
  workers: 1,
  env: { ...withFixtureModel, MAX_UPLOAD_MB: '1', MAX_AUDIO_MINUTES: '1' },
});

async function form() {
  const seen = await visit((await service()).url);
  await seen.page.locator('.send').waitFor();
  return seen;
}
const song = (name = 'song.wav', seconds = 3) => ({
  name,
  mimeType: 'audio/wav',
  buffer: Buffer.from(tone(seconds)),
});
const choose = (page: Page, ...files: ReturnType<typeof song>[]) => page.setInputFiles('input[multiple]', files);
const jobs = async () => (await (await service()).get('/jobs')).body['jobs'] as { job_id: string }[];
const openFolds = (page: Page) =>
  page.evaluate(() => document.querySelectorAll('details').forEach((fold) => (fold.open = true)));

test('a song becomes a job with the settings of the form, and its map can be downloaded', async () => {
  const { page, messages, thirdParty } = await form();
  await choose(page, song());
  await page.getByRole('radio', { name: 'osu!mania' }).check();
  await page.fill('#field-difficulty', '3.2');
  await page.fill('#field-title', 'Drawn by hand');
  await openFolds(page);
  await page.fill('#field-keycount', '7');
  await page.selectOption('#field-hitsounded', 'true');
  await page.click('.send button');
  await page.waitForURL('**/jobs/*');
  const link = page.getByRole('link', { name: 'Download .osz' });
  await link.waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  expect(download.suggestedFilename()).toMatch(/\.osz$/);
  expect((await readFile(await download.path())).subarray(0, 2).toString()).toBe('PK');
  const { body } = await (await service()).get(new URL(page.url()).pathname);
  expect(body['params']).toMatchObject({
    gamemode: 3,
    difficulty: 3.2,
    title: 'Drawn by hand',
    keycount: 7,
    hitsounded: true,
  });
  expect(messages).toEqual([]);
  expect(thirdParty()).toEqual([]);
});

test('what the service takes is said before, and a file of a wrong type, size or length is refused before it is sent', async () => {
  const { page, requests } = await form();
  await expect.poll(() => page.locator('#song-limits').innerText()).toMatch(/MP3.*up to 1 MB and 1 min each.*30 days/);
  await page.setInputFiles('input[multiple]', [
    { name: 'map.zip', mimeType: 'application/zip', buffer: Buffer.from('PK') },
    { name: 'big.mp3', mimeType: 'audio/mpeg', buffer: Buffer.alloc(1024 * 1024 + 1) },
    { name: 'empty.mp3', mimeType: 'audio/mpeg', buffer: Buffer.alloc(0) },
  ]);
  const said = await page.locator('.songs .field-problem').allInnerTexts();
  expect(said.map((text) => text.split('.')[0])).toEqual([
    'This type of audio is not taken',
    'The file is too large',
    'This file is empty',
  ]);
  await choose(page, song('long.wav', 62));
  await page.getByText('The song is too long.').waitFor();
  await page.click('.send button');
  await page.getByText('Choose a song first.').waitFor();
  expect(requests.filter((url) => url.endsWith('/process'))).toEqual([]);
});

test('a value out of range is said at its field before anything is sent, and one that only the service knows to be wrong afterwards', async () => {
  const { page, requests } = await form();
  await choose(page, song());
  await page.fill('#field-difficulty', '13');
  await page.click('.send button');
  await page.locator('#field-difficulty-problem').waitFor();
  expect(await page.locator('#field-difficulty-problem').innerText()).toMatch(/\b0\s–\s12\b/);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('field-difficulty');
  expect(requests.filter((url) => url.endsWith('/process'))).toEqual([]);

  await page.fill('#field-difficulty', '5');
  await openFolds(page);
  await page.fill('#field-start_time', '5000');
  await page.fill('#field-end_time', '4000');
  await page.evaluate(() => document.querySelectorAll('details').forEach((fold) => (fold.open = false)));
  await page.click('.send button');
  await page.locator('#field-end_time-problem').waitFor();
  await eventually(
    () => page.evaluate(() => document.activeElement?.id),
    (id) => id === 'field-end_time',
    2000,
  );
  expect(requests.filter((url) => url.endsWith('/process'))).toHaveLength(1);
});

test('two quick clicks make one job', async () => {
  const before = (await jobs()).length;
  const { page } = await form();
  await choose(page, song());
  await page.evaluate(() => {
    const button = document.querySelector<HTMLElement>('.send button');
    button?.click();
    button?.click();
  });
  await page.waitForURL('**/jobs/*');
  expect(await jobs()).toHaveLength(before + 1);
});

test.each([
  ['is lost', 'The service cannot be reached.', (route: Route) => route.abort('connectionreset')],
  ["is a proxy's", 'The answer makes no sense.', (route: Route) => route.fulfill({ status: 504, body: '<html>' })],
  ['is another page', 'The answer makes no sense.', (route: Route) => route.fulfill({ status: 200, body: '<html>' })],
])(
  'a submit whose answer %s makes one job when it is sent again, and two with other settings',
  async (_, said, answer) => {
    const before = (await jobs()).length;
    const { page } = await form();
    const sendAndLose = async () => {
      await page.route(
        '**/process',
        async (route) => {
          await route.fetch(); // it arrives, and its answer does not
          await answer(route);
        },
        { times: 1 },
      );
      await page.click('.send button');
      await page.getByText(said).waitFor();
    };
    await choose(page, song('lost.wav'));
    await sendAndLose();
    await sendAndLose();
    expect(await jobs()).toHaveLength(before + 1);
    await page.fill('#field-difficulty', '6.1');
    await page.click('.send button');
    await page.waitForURL('**/jobs/*');
    expect(await jobs()).toHaveLength(before + 2);
  },
);

test('several songs become several jobs with the same settings', async () => {
  const { page } = await form();
  const before = (await jobs()).length;
  await choose(page, song('one.wav'), song('two.wav'), song('three.wav'));
  await page.getByRole('button', { name: 'Make 3 maps' }).click();
  await page.locator('.song a').nth(2).waitFor();
  expect(await jobs()).toHaveLength(before + 3);
  await page.getByRole('link', { name: 'My jobs' }).click();
  expect(await page.locator('.row .name').allInnerTexts()).toEqual(['three.wav', 'two.wav', 'one.wav']);
});

test('the bytes of an upload are counted, and it can be stopped', async () => {
  const { page, context } = await form();
  const before = (await jobs()).length;
  const slow = await context.newCDPSession(page);
  await slow.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 100_000,
  });
  await choose(page, song('long.wav', 50));
  await page.click('.send button');
  await eventually(
    () => page.locator('.upload progress').evaluate((bar: HTMLProgressElement) => bar.value),
    (value) => value > 10 && value < 90,
  );
  await page.getByRole('button', { name: 'Stop upload' }).click();
  await page.getByRole('button', { name: 'Make the map' }).waitFor();
  expect(await page.locator('.upload').count()).toBe(0);
  expect(await jobs()).toHaveLength(before);
});

test('settings are remembered without what belongs to one song; presets can be kept, chosen and deleted', async () => {
  const { page } = await form();
  await page.fill('#field-difficulty', '6.5');
  await page.fill('#field-title', 'Of one song');
  await openFolds(page);
  await page.locator('.chip').first().click();
  await page.getByLabel('Name of the preset').fill('Hard ones');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.reload();
  await page.locator('.send').waitFor();
  expect(await page.inputValue('#field-difficulty')).toBe('6.5');
  expect(await page.inputValue('#field-title')).toBe('');
  await page.fill('#field-difficulty', '2');
  await openFolds(page);
  await page.locator('.chip.wanted').click();
  expect(await page.locator('.chip.wanted').count()).toBe(0);
  await page.getByRole('button', { name: 'Hard ones', exact: true }).click();
  expect(await page.inputValue('#field-difficulty')).toBe('6.5');
  expect(await page.locator('.chip.wanted').count()).toBe(1);
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export' }).click(),
  ]);
  const exported = JSON.parse(await readFile(await file.path(), 'utf8'));
  expect(exported).toMatchObject({ difficulty: '6.5', descriptors: [expect.any(String)] });
  await page.setInputFiles('input[accept*=json]', {
    name: 'settings.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"difficulty": 4.4, "gamemode": 1}'),
  });
  await page.getByText('Imported.').waitFor();
  expect(await page.inputValue('#field-difficulty')).toBe('4.4');
  await page.getByRole('button', { name: 'Delete the preset Hard ones' }).click();
  await page.reload();
  await page.locator('.send').waitFor();
  expect(await page.getByRole('button', { name: 'Hard ones', exact: true }).count()).toBe(0);
});

test('a job is made again with changes without a new upload', async () => {
  const api = await service();
  const { body } = await api.submit({ title: 'First try', seed: '11', temperature: '0.9' });
  await api.until(body['job_id'], 'succeeded');
  const { page, requests } = await visit(`${api.url}/jobs/${body['job_id']}`);
  await page.getByRole('link', { name: 'Again with changes' }).click();
  await page.locator('.send').waitFor();
  expect(await page.inputValue('#field-title')).toBe('First try');
  await openFolds(page);
  await page.fill('#field-seed', '12');
  await page.fill('#field-temperature', '');
  await page.click('.send button');
  await page.waitForURL((url) => url.pathname.startsWith('/jobs/') && !url.pathname.endsWith(body['job_id']));
  const made = await api.until(new URL(page.url()).pathname.slice('/jobs/'.length), 'succeeded');
  expect(made).toMatchObject({ retry_of: body['job_id'], params: { title: 'First try', seed: 12 } });
  expect(made['params']).not.toHaveProperty('temperature');
  expect(requests.filter((url) => url.endsWith('/process'))).toEqual([]);
});

test('a job is made again by a model that knows less than the one before', async () => {
  const api = await service();
  const { body: details } = await api.get('/models/v32');
  const [descriptor] = details['limits'].descriptors.choices as { name: string }[];
  const descriptors = JSON.stringify([descriptor!.name]);
  const { body } = await api.submit({ title: 'By another', model: 'v32', descriptors });
  await api.until(body['job_id'], 'succeeded');
  const { page } = await visit(`${api.url}/?from=${body['job_id']}`);
  await page.locator('.send').waitFor();
  await page.selectOption('#field-model', 'v30');
  await page.locator('#field-descriptors').waitFor({ state: 'detached' });
  await page.click('.send button');
  await page.waitForURL((url) => url.pathname.startsWith('/jobs/') && !url.pathname.endsWith(body['job_id']));
  const made = await api.until(new URL(page.url()).pathname.slice('/jobs/'.length), ['succeeded', 'running', 'queued']);
  expect(made).toMatchObject({ model: 'v30', params: { title: 'By another' } });
  expect(made['params']).not.toHaveProperty('descriptors');
});

test('the whole way from a song to a map goes by keyboard, with a focus that can be seen', async () => {
  const built = await startService({ redisUrl: redisUrlOfFile + '/4', workers: 1 });
  const { page } = await visit(built.url);
  await page.locator('.send').waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  const tabTo = async (text: string) => {
    for (let i = 0; i < 60 && (await focused()) !== text; i += 1) await page.keyboard.press('Tab');
    expect(await focused()).toBe(text);
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe('solid');
  };
  const chooser = page.waitForEvent('filechooser');
  await tabTo('Choose a song');
  await page.keyboard.press('Enter');
  await (await chooser).setFiles(demoSong);
  await tabTo('Make the map');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/jobs/*');
  await page.locator('.take .primary').waitFor();
  await page.locator('h1').focus();
  for (let i = 0; i < 5 && !(await focused()).startsWith('Download .osz'); i += 1) await page.keyboard.press('Tab');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  expect(download.suggestedFilename()).toMatch(/\.osz$/);
}, 60_000);
