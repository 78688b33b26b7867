import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { analysisRate, decodeAudio } from '../src/worker/engines/builtin/audio/decode.ts';
import { mp3Bytes, oggBytes, synthesise, wavBytes } from './song.ts';

const fixture = (name: string) => readFile(fileURLToPath(new URL(`fixtures/audio/${name}`, import.meta.url)));

/** Two seconds of silence with a click at one second. */
function click(): Float32Array {
  const samples = new Float32Array(88_200);
  for (let i = 0; i < 60; i += 1) samples[44_100 + i] = 0.85 * Math.sin(i * 0.5) * (1 - i / 60);
  return samples;
}

/** Time of the first sample that is loud, ms. */
function loudAt(mono: Float32Array): number {
  const peak = mono.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (mono.findIndex((value) => Math.abs(value) > peak / 2) / analysisRate) * 1000;
}

test.each([
  { bits: 8 },
  { bits: 16 },
  { bits: 24 },
  { bits: 32 },
  { bits: 32, float: true },
  { bits: 16, channels: 2 },
])('a click in a wav of %j is where it was', async (options) => {
  const audio = await decodeAudio(wavBytes(click(), options));
  expect(audio.format).toBe('wav');
  expect(Math.abs(loudAt(audio.mono) - 1000)).toBeLessThan(1);
  expect(audio.durationMs).toBeCloseTo(2000, 0);
});

test('ogg vorbis starts at the same sample', async () => {
  expect(Math.abs(loudAt((await decodeAudio(await oggBytes(click()))).mono) - 1000)).toBeLessThan(1);
});

test.each(['flac', 'opus'])('%s starts at the same sample', async (format) => {
  const audio = await decodeAudio(await fixture(`click-at-1s.${format}`));
  expect(audio.format).toBe(format);
  expect(Math.abs(loudAt(audio.mono) - 1000)).toBeLessThan(1);
});

test('an mp3 with a LAME tag is cut by its delay and 529 samples, as the game cuts it', async () => {
  expect(Math.abs(loudAt((await decodeAudio(await fixture('click-at-1s.mp3'))).mono) - 1000)).toBeLessThan(1);
});

test('an mp3 without a tag is not cut: the game plays it 1,105 samples late', async () => {
  const late = (1105 / 44_100) * 1000;
  expect(Math.abs(loudAt((await decodeAudio(await mp3Bytes(click()))).mono) - 1000 - late)).toBeLessThan(1);
});

test('an m4a needs ffmpeg, and the error says so', async () => {
  const bytes = await fixture('click-at-1s.m4a');
  await expect(decodeAudio(bytes)).rejects.toMatchObject({
    code: 'unsupported_audio_type',
    message: expect.stringContaining('ffmpeg') as string,
  });
  const converted = await decodeAudio(bytes, async () => wavBytes(click()));
  expect(Math.abs(loudAt(converted.mono) - 1000)).toBeLessThan(1);
});

test('a cut-off file gives what is there', async () => {
  const bytes = wavBytes(synthesise({ bpm: 120, offsetMs: 0, seconds: 20 }));
  const audio = await decodeAudio(bytes.subarray(0, bytes.length / 2));
  expect(audio.durationMs).toBeGreaterThan(9_900);
  expect(audio.durationMs).toBeLessThan(10_100);
});

test.each([
  ['text', new TextEncoder().encode('no audio at all, only words'), 'unsupported_audio_type'],
  ['zeros', new Uint8Array(10_000), 'unsupported_audio_type'],
  ['a flac header and noise', garbage('fLaC'), 'invalid_audio'],
  ['an ogg header and noise', garbage('OggS'), undefined],
  ['a wav header and nothing', wavBytes(new Float32Array()), 'invalid_audio'],
  ['one sample', wavBytes(new Float32Array(1)), 'audio_too_short'],
])('%s is a clear error', async (_name, bytes, code) => {
  const error: unknown = await decodeAudio(bytes).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: code ?? (expect.stringMatching(/^(invalid_audio|unsupported_audio_type)$/) as string),
  });
});

function garbage(magic: string): Uint8Array {
  const bytes = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7919 + ((i * i) % 251)) % 256);
  bytes.set(new TextEncoder().encode(magic));
  return bytes;
}
