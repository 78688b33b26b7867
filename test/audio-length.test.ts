import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBuffer } from 'music-metadata';
import { createMp3Encoder } from 'wasm-media-encoders';
import { describe, expect, test } from 'vitest';
import { declaredSeconds, measureSong } from '../src/shared/audio-length.ts';
import type { AudioFormat } from '../src/shared/request.ts';
import { mp3Bytes, oggBytes, synthesise, wavBytes } from './song.ts';

const song = synthesise({ bpm: 150, offsetMs: 0, seconds: 20 });
/** An mp3 of two seconds with a LAME tag that says so. */
const tagged = readFile(new URL('./fixtures/audio/click-at-1s.mp3', import.meta.url));

async function measure(bytes: Uint8Array, format: AudioFormat, signal = new AbortController().signal) {
  const path = join(await mkdtemp(join(tmpdir(), 'length-')), 'song');
  await writeFile(path, bytes);
  return measureSong(path, format, signal);
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

test.each(['mp3', 'opus', 'flac', 'm4a'] as const)('%s: the length of the fixture, which is whole', async (format) => {
  const bytes = await readFile(new URL(`./fixtures/audio/click-at-1s.${format}`, import.meta.url));
  const { seconds, cutOff } = await measure(bytes, format);
  expect(Math.abs(seconds - 2)).toBeLessThan(0.1);
  expect(cutOff).toBe(false);
});

test('a joined mp3 has the length of all its parts, whatever its first header says', async () => {
  const joined = Buffer.concat([await tagged, await mp3Bytes(song)]);
  expect(await declared(joined)).toBeCloseTo(2, 0);
  const { seconds, cutOff } = await measure(joined, 'mp3');
  expect(Math.abs(seconds - 22)).toBeLessThan(0.2);
  expect(cutOff).toBe(false);
});

test('joined oggs, one stream after the other, count as one song', async () => {
  const ogg = await oggBytes(song);
  const { seconds, cutOff } = await measure(Buffer.concat([ogg, ogg]), 'ogg');
  expect(Math.abs(seconds - 40)).toBeLessThan(0.1);
  expect(cutOff).toBe(false);
});

describe.each([
  ['mp3', () => mp3Bytes(song)],
  ['ogg', () => oggBytes(song)],
  ['wav', async () => wavBytes(song)],
] as const)('%s', (format, encode) => {
  test('a whole one is known as whole', async () => {
    const { seconds, cutOff } = await measure(await encode(), format);
    expect(Math.abs(seconds - 20)).toBeLessThan(0.1);
    expect(cutOff).toBe(false);
  });

  test('a cut-off one has the length that is there and is known as cut off', async () => {
    const bytes = await encode();
    const { seconds, cutOff } = await measure(bytes.subarray(0, bytes.length / 2 + 7), format);
    expect(Math.abs(seconds - 10)).toBeLessThan(2);
    expect(cutOff).toBe(true);
  });
});

test.each([
  ['flac', 0.95], // most of this one is padding before the sound
  ['m4a', 0.7],
] as const)('a cut-off %s is known by its header', async (format, share) => {
  const bytes = await readFile(new URL(`./fixtures/audio/click-at-1s.${format}`, import.meta.url));
  expect(await measure(bytes.subarray(0, bytes.length * share), format)).toMatchObject({ cutOff: true });
});

test('a wav whose writer did not know its length is whole', async () => {
  const wav = Buffer.from(wavBytes(song));
  wav.writeUInt32LE(0xffff_ffff, 4);
  wav.writeUInt32LE(0xffff_ffff, 40);
  expect(await measure(wav, 'wav')).toEqual({ seconds: 20, cutOff: false });
});

test('no length is declared by an mp3 without a tag: its first frames tell nothing of the rest', async () => {
  const bytes = await untaggedVbr();
  const { format } = await parseBuffer(bytes, undefined, { duration: false });
  expect(format.duration).toBeGreaterThan(40); // what would have been believed of these 20 s
  expect(await declared(bytes)).toBeUndefined();
  const { seconds, cutOff } = await measure(bytes, 'mp3');
  expect(Math.abs(seconds - 20)).toBeLessThan(0.1);
  expect(cutOff).toBe(false);
});

test('what is no audio, and what is no longer wanted, has no length', async () => {
  const nothing = { seconds: 0, cutOff: false };
  expect(await measure(new TextEncoder().encode('only words '.repeat(1000)), 'mp3')).toEqual(nothing);
  expect(await measure(await mp3Bytes(song), 'mp3', AbortSignal.abort())).toEqual(nothing);
  expect(await measureSong('/nowhere/at/all', 'flac', new AbortController().signal)).toEqual(nothing);
});
