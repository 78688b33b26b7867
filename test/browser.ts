/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/// <reference lib="dom.asynciterable" />

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';
import { findChromium } from './programs.ts';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export type Language = 'zh' | 'en';

export interface PageOptions {
  language?: Language;
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
  /** Cookies and storage that pages of this test share; left out: a new browser profile. */
  context?: BrowserContext;
}

/** One Chromium for all tests of a file, started by the first that asks. Call it outside of the tests. */
export function sharedBrowser() {
  let opened: Promise<{ browser: Awaited<ReturnType<typeof launch>>; profile: string }> | undefined;
  const open = async () => {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
    return { browser: await launch(profile), profile };
  };
  afterAll(async () => {
    if (!opened) return;
    const { browser, profile } = await opened;
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  return async (url: string, options: PageOptions = {}) => {
    const { browser } = await (opened ??= open());
    return openPage(() => newContext(browser, options), url, options);
  };
}

const launch = (profile: string) =>
  chromium.launch({ executablePath: findChromium(), args: flags, env: { ...process.env, HOME: profile } });

const newContext = (
  browser: Awaited<ReturnType<typeof launch>>,
  { language = 'en', theme = 'light', width = 1280, height = 900 }: PageOptions,
) =>
  browser.newContext({
    locale: language === 'zh' ? 'zh-CN' : 'en-US',
    colorScheme: theme,
    viewport: { width, height },
  });

export type OpenPage = Awaited<ReturnType<typeof openPage>>;

/** A page at this address, with what it said to the console and whom it asked. It closes with the test. */
async function openPage(create: () => Promise<BrowserContext>, url: string, { context: given }: PageOptions) {
  const context = given ?? (await create());
  const page = await context.newPage();
  const messages: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) messages.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => messages.push(`uncaught: ${error.message}`));
  page.on('request', (request) => requests.push(request.url()));
  onTestFinished(async () => {
    await page.close();
    if (!given) await context.close();
  });
  await page.goto(url);
  await page.locator('main h1').first().waitFor();
  return {
    page,
    context,
    /** What the browser complained of: broken policies, lost requests, uncaught errors. */
    messages,
    /** Requests to anybody else than the service. */
    thirdParty: () =>
      requests.filter((request) => /^(https?|wss?):/.test(request) && !request.startsWith(new URL(url).origin)),
    requests,
  };
}

/** What axe finds, as `rule: where`; empty is right. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource); // by the debugger, so that the page's policy may stay strict
  return page.evaluate(async (tags) => {
    const { axe } = window as unknown as {
      axe: {
        run(root: Document, options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run(document, { runOnly: tags });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  }, axeTags);
}

/** How far the page is wider than its window, px. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
