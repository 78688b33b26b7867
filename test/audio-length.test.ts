import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBuffer } from 'music-metadata';
import { createMp3Encoder } from 'wasm-media-encoders';
import { expect, test } from 'vitest';
import { declaredSeconds, measureSeconds } from '../src/shared/audio-length.ts';
import type { AudioFormat } from '../src/shared/request.ts';
import { mp3Bytes, oggBytes, synthesise, wavBytes } from './song.ts';

const song = synthesise({ bpm: 150, offsetMs: 0, seconds: 20 });
/** An mp3 of two seconds with a LAME tag that says so. */
const tagged = readFile(new URL('./fixtures/audio/click-at-1s.mp3', import.meta.url));

async function measure(bytes: Uint8Array, format: AudioFormat, signal = new AbortController().signal) {
  const path = join(await mkdtemp(join(tmpdir(), 'length-')), 'song');
  await writeFile(path, bytes);
  return measureSeconds(path, format, signal);
}

async function declared(bytes: Uint8Array) {
  return declaredSeconds((await parseBuffer(bytes, undefined, { duration: false, skipCovers: true })).format);
}

/** Silence, then noise, at a bitrate that follows the sound, without a tag. */
async function untaggedVbr(): Promise<Uint8Array> {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: 44_100, channels: 1, vbrQuality: 2 });
  const samples = new Float32Array(20 * 44_100);
  let state = 1;
  for (let i = 5 * 44_100; i < samples.length; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    samples[i] = state / 2 ** 32 - 0.5;
  }
  return Buffer.concat([Buffer.from(encoder.encode([samples])), Buffer.from(encoder.finalize())]);
}

test.each(['mp3', 'opus', 'flac', 'm4a'] as const)('%s: the length of the fixture', async (format) => {
  const bytes = await readFile(new URL(`./fixtures/audio/click-at-1s.${format}`, import.meta.url));
  expect(Math.abs((await measure(bytes, format)) - 2)).toBeLessThan(0.1);
});

test('a joined mp3 has the length of all its parts, whatever its first header says', async () => {
  const joined = Buffer.concat([await tagged, await mp3Bytes(song)]);
  expect(await declared(joined)).toBeCloseTo(2, 0);
  expect(Math.abs((await measure(joined, 'mp3')) - 22)).toBeLessThan(0.2);
});

test('joined oggs, one stream after the other, count as one song', async () => {
  const ogg = await oggBytes(song);
  expect(Math.abs((await measure(Buffer.concat([ogg, ogg]), 'ogg')) - 40)).toBeLessThan(0.1);
});

test.each([
  ['mp3', () => mp3Bytes(song)],
  ['ogg', () => oggBytes(song)],
  ['wav', async () => wavBytes(song)],
] as const)('a cut-off %s has the length that is there', async (format, encode) => {
  const bytes = await encode();
  expect(Math.abs((await measure(bytes.subarray(0, bytes.length / 2), format)) - 10)).toBeLessThan(2);
});

test('no length is declared by an mp3 without a tag: its first frames tell nothing of the rest', async () => {
  const bytes = await untaggedVbr();
  const { format } = await parseBuffer(bytes, undefined, { duration: false });
  expect(format.duration).toBeGreaterThan(40); // what would have been believed of these 20 s
  expect(await declared(bytes)).toBeUndefined();
  expect(Math.abs((await measure(bytes, 'mp3')) - 20)).toBeLessThan(0.1);
});

test('what is no audio, and what is no longer wanted, has no length', async () => {
  expect(await measure(new TextEncoder().encode('only words '.repeat(1000)), 'mp3')).toBe(0);
  expect(await measure(await mp3Bytes(song), 'mp3', AbortSignal.abort())).toBe(0);
  expect(await measureSeconds('/nowhere/at/all', 'flac', new AbortController().signal)).toBe(0);
});
