/// <reference lib="dom" />
/// <reference lib="dom.asynciterable" />
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { createMp3Encoder } from 'wasm-media-encoders';
import type { Preview } from '../src/shared/preview.ts';
import type { Playback } from '../src/web/preview/playback.ts';
import { findChromium } from './programs.ts';

const player = fileURLToPath(new URL('../src/web/preview', import.meta.url));

/** A page of nothing but the player. What the tests call is on `window`; the player is a chunk of its own, as on the service's page. */
const ENTRY = `
import { h, render } from 'preact';
import '@preact/signals';
import 'page.css';
window.showPlayer = async (preview, audioUrl, language) => {
  const { default: Player } = await import('${player}/player.tsx');
  render(h(Player, { preview, audioUrl, language }), document.querySelector('main'));
};
window.createPlayback = async (preview, audioUrl) => {
  // The player's own audio element, to ask it what it says.
  const Real = window.Audio;
  let audio;
  window.Audio = function () {
    return (audio = new Real());
  };
  const playback = (await import('${player}/playback.ts')).createPlayback(preview, audioUrl);
  window.Audio = Real;
  return { playback, audio };
};
window.makeSounds = async (context) => (await import('${player}/hit-sounds.ts')).makeSounds(context);
window.createField = async (preview) => {
  const draw = (await import('${player}/field.ts')).createField(preview);
  return (canvas, time, calm = true) => {
    const context = canvas.getContext('2d');
    draw({ context, time, width: canvas.width, height: canvas.height, density: 1, calm, fallMs: 500 });
  };
};`;

const HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Player</title>
<link rel="stylesheet" href="/entry.css"><script type="module" src="/entry.js"></script></head><body><main></main></body></html>`;

const PAGE_CSS = `html { color-scheme: light dark; background: light-dark(#fff, #17171f); color: light-dark(#1a1a24, #ececf4) }
body { margin: 12px; font: 16px/1.5 system-ui, sans-serif }`;

/** They exist only here. */
const SOURCES: Record<string, string> = { 'entry.js': ENTRY, 'page.css': PAGE_CSS };

const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'";

/** Serves the player alone, with the policy of the service's page, and any file of `files`. */
export async function servePlayer(files: Record<string, Buffer>) {
  const chunks = await buildPage();
  const texts: Record<string, [type: string, body: string]> = {
    '/': ['text/html', HTML],
  };
  for (const chunk of chunks)
    texts[`/${chunk.fileName}`] =
      chunk.type === 'chunk' ? ['text/javascript', chunk.code] : ['text/css', String(chunk.source)];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const [type, body] = texts[path] ?? ['audio/wav', files[path]];
    response.setHeader('Content-Security-Policy', CSP);
    if (body === undefined) return response.writeHead(404).end();
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    if (!range || typeof body === 'string')
      return response.writeHead(200, { 'Content-Type': type, 'Accept-Ranges': 'bytes' }).end(body);
    const [from, to] = [Number(range[1]), Number(range[2] || body.length - 1)];
    return response
      .writeHead(206, { 'Content-Type': type, 'Content-Range': `bytes ${from}-${to}/${body.length}` })
      .end(body.subarray(from, to + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}

/** As Vite builds the service's page. */
async function buildPage() {
  const result = (await build({
    configFile: false,
    logLevel: 'warn',
    root: player,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id in SOURCES ? `${player}/${id}` : null),
        load: (id) => SOURCES[id.slice(player.length + 1)] ?? null,
      },
    ],
    build: {
      write: false,
      target: 'es2022',
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: 'entry.js',
        output: { entryFileNames: 'entry.js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
      },
    },
  })) as Rolldown.RolldownOutput;
  return result.output;
}

export async function startChromium() {
  const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'];
  const browser: Browser = await chromium.launch({
    executablePath: findChromium(),
    headless: true,
    args: [...flags, 'disable-component-update', 'disable-sync', 'autoplay-policy=user-gesture-required'].map(
      (flag) => `--${flag}`,
    ),
  });
  return {
    async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
      const page = await browser.newPage(options);
      await page.goto(url);
      await page.waitForFunction(() => 'showPlayer' in window);
      return page;
    },
    close: () => browser.close(),
  };
}

/** A song that is a short click at each of these times, ms; 16 bits, mono. */
export function clickSong(seconds: number, clicks: readonly number[], rate = 44_100): Buffer {
  const samples = seconds * rate;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (const click of clicks)
    for (let index = 0; index < rate * 0.005; index++)
      wav.writeInt16LE(index % 20 < 10 ? 20_000 : -20_000, 44 + 2 * (Math.round((click / 1000) * rate) + index));
  return wav;
}

/**
 * The same as an mp3 whose bit rate varies: between the clicks is noise for 17 s and silence for 13, in turn. Browsers land beside the
 * place when they seek in such a file.
 */
export async function clickMp3(seconds: number, clicks: readonly number[], rate = 44_100): Promise<Buffer> {
  const samples = new Float32Array(seconds * rate);
  for (let index = 0; index < samples.length; index++)
    if (index % (30 * rate) < 17 * rate) samples[index] = (Math.random() - 0.5) * 0.2;
  for (const click of clicks)
    for (let index = 0; index < rate * 0.005; index++)
      samples[Math.round((click / 1000) * rate) + index] = index % 44 < 22 ? 0.9 : -0.9;
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: rate, channels: 1, vbrQuality: 4 });
  // The encoder gives out the same memory each time.
  const body = Buffer.from(encoder.encode([samples]));
  return Buffer.concat([body, Buffer.from(encoder.finalize())]);
}

/** What the page has on its window for the tests. */
declare global {
  interface Window {
    showPlayer(preview: Preview, audioUrl: string, language: 'zh' | 'en'): Promise<void>;
    createPlayback(preview: Preview, audioUrl: string): Promise<{ playback: Playback; audio: HTMLAudioElement }>;
    makeSounds(context: BaseAudioContext): Promise<Map<string, AudioBuffer>>;
    /** At 500 ms for a mania note's fall. */
    createField(
      preview: Preview,
    ): Promise<(canvas: HTMLCanvasElement | OffscreenCanvas, time: number, calm?: boolean) => void>;
  }
}
