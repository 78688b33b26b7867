/// <reference lib="dom" />
import { expect, onTestFinished, test } from 'vitest';
import { sharedBrowser } from './browser.ts';
import { sharedService, tone, withFixtureModel, redisOfFile } from './service.ts';

const redisUrlOfFile = await redisOfFile();

const visit = sharedBrowser();
const redisUrl = redisUrlOfFile;
const service = sharedService({ redisUrl: redisUrl + '/8', workers: 1, env: withFixtureModel });
const keys = { alice: 'key-of-alice-000000', bob: 'key-of-bob-00000000', admin: 'key-of-the-admin-0000' };
const locked = sharedService({
  redisUrl: redisUrl + '/10',
  workers: 1,
  env: { ...withFixtureModel, API_KEYS: `alice:${keys.alice},bob:${keys.bob}`, ADMIN_KEY: keys.admin },
});

async function done(title = 'A map'): Promise<string> {
  const api = await service();
  const { body } = await api.submit({ title }, tone(), `${title}.wav`);
  await api.until(body['job_id'], 'succeeded');
  return body['job_id'];
}
/** A job of Alice's. */
async function ofAlice(): Promise<string> {
  const api = await locked();
  const form = new FormData();
  form.append('audio_file', new Blob([new Uint8Array(tone())]), 'song.wav');
  const headers = { 'x-api-key': keys.alice };
  const { body } = await api.call('POST', '/process', { body: form, headers });
  for (;;) {
    const { body: record } = await api.call('GET', `/jobs/${body['job_id']}`, { headers });
    if (record['state'] === 'succeeded') return body['job_id'];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('this browser lists its own jobs, and takes one off the list or deletes it for good', async () => {
  const api = await service();
  const [first, second, foreign] = [await done('One'), await done('Two'), await done('Of somebody else')];
  const { page } = await visit(`${api.url}/jobs/${first}`);
  await page.locator('.take').waitFor();
  await page.goto(`${api.url}/jobs/${second}`);
  await page.locator('.take').waitFor();
  await page.getByRole('link', { name: 'My jobs' }).click();
  await page.locator('.row .danger').nth(1).waitFor();
  expect(await page.locator('.row .name').allInnerTexts()).toEqual(['Two.wav', 'One.wav']);

  await page.getByRole('button', { name: 'Take off the list' }).last().click();
  expect(await page.locator('.row .name').allInnerTexts()).toEqual(['Two.wav']);
  expect((await api.get(`/jobs/${first}`)).status).toBe(200);

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('group').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No jobs yet.').waitFor();
  expect((await api.get(`/jobs/${second}`)).status).toBe(404);
  expect((await api.get(`/jobs/${foreign}`)).status).toBe(200);
});

test('a job that was deleted elsewhere says so and does no harm to the list', async () => {
  const api = await service();
  const id = await done();
  const { page } = await visit(`${api.url}/jobs/${id}`);
  await page.locator('.take').waitFor();
  await api.call('DELETE', `/jobs/${id}`);
  await page.goto(`${api.url}/?history`);
  await page.getByText('No longer with the service.').waitFor();
  expect(await page.locator('.row a').count()).toBe(0);
});

test('with keys the page asks for one, and remembers who signed in until they sign out', async () => {
  const { url } = await locked();
  const { page, context } = await visit(url);
  await page.fill('input[type=password]', 'not a key');
  await page.keyboard.press('Enter');
  await page.getByText('There is no such key.').waitFor();
  await page.fill('input[type=password]', keys.alice);
  await page.keyboard.press('Enter');
  await page.locator('.send').waitFor();
  expect(await page.getByRole('link', { name: 'Operator' }).count()).toBe(0);
  await page.setInputFiles('input[multiple]', { name: 'a.wav', mimeType: 'audio/wav', buffer: Buffer.from(tone()) });
  await page.click('.send button');
  await page.locator('.take').waitFor();
  expect(await page.evaluate(() => document.cookie)).toBe(''); // no script can read it
  const other = await visit(url, { context });
  await other.page.locator('.send').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

test('a key that is not taken any more brings the sign-in, also while a job is watched', async () => {
  const { url, call } = await locked();
  const headers = { 'x-api-key': keys.alice };
  const form = new FormData();
  form.append('title', 'fixture:slow=30');
  form.append('audio_file', new Blob([new Uint8Array(tone())]), 'song.wav');
  const { body } = await call('POST', '/process', { body: form, headers });
  onTestFinished(async () => void (await call('POST', `/jobs/${body['job_id']}/cancel`, { headers })));
  const { page, context } = await visit(url);
  const signIn = async () => {
    await page.fill('input[type=password]', keys.alice);
    await page.keyboard.press('Enter');
  };
  await signIn();
  await page.locator('.send').waitFor();
  await page.goto(`${url}/jobs/${body['job_id']}`);
  await page.locator('.log-lines div').first().waitFor();
  await context.clearCookies();
  await page.evaluate(() => dispatchEvent(new Event('online'))); // the stream from before is given up
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn();
  await page.locator('.log-lines div').first().waitFor();

  for (const [address, act] of [
    ['/?history', () => undefined],
    ['/', () => page.click('.send button')],
  ] as const) {
    await page.goto(url + address);
    await page
      .locator(address === '/' ? '.send' : '.row a')
      .first()
      .waitFor();
    if (address === '/')
      await page.setInputFiles('input[multiple]', {
        name: 'a.wav',
        mimeType: 'audio/wav',
        buffer: Buffer.from(tone()),
      });
    await context.clearCookies();
    await act();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 8000 });
    await signIn();
    await page
      .locator(address === '/' ? '.send' : '.row a')
      .first()
      .waitFor();
  }
}, 60_000);

test('a shared link opens one job to look at without a key, until it is taken back', async () => {
  const { url } = await locked();
  const id = await ofAlice();
  const owner = await visit(url);
  await owner.page.fill('input[type=password]', keys.alice);
  await owner.page.keyboard.press('Enter');
  await owner.page.locator('.send').waitFor();
  await owner.page.goto(`${url}/jobs/${id}`);
  await owner.page.getByRole('button', { name: 'Share' }).click();
  const link = await owner.page.locator('.share input').inputValue();
  expect(new URL(link).searchParams.get('share')?.length).toBeGreaterThanOrEqual(22);

  const guest = await visit(link);
  await guest.page.getByText('You came by a shared link').waitFor();
  const [download] = await Promise.all([
    guest.page.waitForEvent('download'),
    guest.page.getByRole('link', { name: 'Download .osz' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.osz$/);
  expect(await guest.page.locator('.actions').count()).toBe(0);
  await guest.page.getByRole('link', { name: 'My jobs' }).click();
  await guest.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  const stranger = await visit(`${url}/jobs/${id}?share=wrong`);
  await stranger.page.locator('.notice.bad').waitFor();

  await owner.page.getByRole('button', { name: 'Take the link back' }).click();
  await owner.page.locator('.share').waitFor({ state: 'hidden' });
  await guest.page.goto(link);
  await guest.page.getByText('There is no such job.').waitFor();
});

test('the operator sees what waits, runs and has failed, and pauses and resumes', async () => {
  const { url } = await locked();
  const { page } = await visit(url);
  await page.fill('input[type=password]', keys.admin);
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Operator' }).click();
  await page.getByRole('heading', { name: 'Workers (1)' }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('Paused').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  expect(await page.getByRole('link', { name: 'BullMQ' }).getAttribute('href')).toBe('/admin/queues/');
});

test('language and theme follow the browser first, and then what was chosen', async () => {
  const { url } = await service();
  const chinese = await visit(url, { language: 'zh', theme: 'dark' });
  expect(await chinese.page.locator('h1').innerText()).toBe('做谱面');
  expect(await chinese.page.locator('html').getAttribute('lang')).toBe('zh-CN');
  const background = () => chinese.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await chinese.page.getByRole('button', { name: 'English' }).click();
  await chinese.page.getByRole('button', { name: 'Theme: as the system' }).click();
  await chinese.page.reload();
  await chinese.page.getByRole('heading', { name: 'Make a map' }).waitFor();
  expect(await chinese.page.locator('html').getAttribute('lang')).toBe('en');
  expect(await background()).not.toBe(dark);
});
