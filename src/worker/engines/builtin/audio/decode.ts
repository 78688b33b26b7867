import { FLACDecoder } from '@wasm-audio-decoders/flac';
import { OggVorbisDecoder } from '@wasm-audio-decoders/ogg-vorbis';
import { fileTypeFromBuffer } from 'file-type';
import { MPEGDecoder } from 'mpg123-decoder';
import { OggOpusDecoder } from 'ogg-opus-decoder';
import type { AudioFormat } from '../../../../shared/request.ts';
import { GenerateError } from '../errors.ts';
import { gameTrim } from './mp3-header.ts';
import { createResampler } from './resample.ts';
import { parseWav } from './wav.ts';

/** Rate of the analysis: everything that marks a beat lies below 11 kHz. */
export const analysisRate = 22_050;
const blockBytes = 256 * 1024;
const wavBlock = 65_536;
/** In less than this no beat can be told. */
const shortestSeconds = 1.6;

export interface DecodedAudio {
  format: AudioFormat;
  sampleRate: number;
  /** Time 0 is the first sample that the game plays. */
  mono: Float32Array;
  durationMs: number;
}

/** A stretch of decoded sound, at the song's own rate. */
export interface PcmBlock {
  sampleRate: number;
  channels: Float32Array[];
  /** How much of the file is decoded with it, 0 to 1. */
  decoded: number;
}

/** Turns an m4a into a wav; there is no permissively licensed AAC decoder for Node. */
export type ToWav = (bytes: Uint8Array) => Promise<Uint8Array>;

/** What the bytes are, whatever the file is called. Throws GenerateError. */
export async function audioFormatOf(bytes: Uint8Array): Promise<AudioFormat> {
  const type = await fileTypeFromBuffer(bytes).catch(() => undefined);
  if (type?.ext === 'ogg' && type.mime.includes('opus')) return 'opus';
  if (type?.ext === 'oga') return 'ogg';
  if (type?.ext === 'mp4') return 'm4a';
  for (const format of ['mp3', 'wav', 'ogg', 'opus', 'flac', 'm4a'] as const) if (type?.ext === format) return format;
  throw new GenerateError(
    'unsupported_audio_type',
    `The file is no supported audio (${type?.mime ?? 'unknown bytes'}).`,
  );
}

/**
 * Decodes a song to mono at 22.05 kHz, mixing and resampling while it decodes so that the full-rate sound is never held.
 * What a cut-off file still has is decoded. Throws GenerateError for what gives no sound.
 */
export async function decodeAudio(
  bytes: Uint8Array,
  toWav?: ToWav,
  onProgress: (decoded: number) => void = () => undefined,
): Promise<DecodedAudio> {
  const format = await audioFormatOf(bytes);
  let resampler: ReturnType<typeof createResampler> | undefined;
  let frames = 0;
  let rate = 0;
  try {
    for await (const block of decodeBlocks(bytes, format, toWav)) {
      rate ||= block.sampleRate;
      resampler ??= createResampler(rate, analysisRate);
      frames += block.channels[0]?.length ?? 0;
      resampler.push(mix(block.channels));
      onProgress(block.decoded);
    }
  } catch (error) {
    if (error instanceof GenerateError) throw error;
    throw new GenerateError('invalid_audio', 'The audio cannot be decoded.', { cause: error });
  }
  if (!resampler || frames === 0)
    throw new GenerateError('invalid_audio', 'The file holds no sound that can be decoded.');
  const seconds = frames / rate;
  if (seconds < shortestSeconds) throw new GenerateError('audio_too_short', `The song lasts ${seconds.toFixed(2)} s.`);
  return { format, sampleRate: analysisRate, mono: resampler.finish(), durationMs: seconds * 1000 };
}

/** The song at its own rate and channels, block by block, from the game's time 0 on. */
export async function* decodeBlocks(
  bytes: Uint8Array,
  format: AudioFormat,
  toWav?: ToWav,
): AsyncGenerator<PcmBlock, void> {
  if (format === 'wav') return yield* decodeWav(bytes);
  if (format === 'm4a') {
    if (!toWav)
      throw new GenerateError('unsupported_audio_type', 'An m4a needs ffmpeg on the PATH, and it is not there.');
    return yield* decodeWav(await toWav(bytes));
  }
  const decoder = { mp3: mp3Decoder, flac: flacDecoder, ogg: vorbisDecoder, opus: opusDecoder }[format]();
  await decoder.ready;
  let trim = format === 'mp3' ? gameTrim(bytes) : 0;
  try {
    for (let at = 0; at < bytes.length; at += blockBytes) {
      const last = at + blockBytes >= bytes.length;
      const part = bytes.subarray(at, at + blockBytes);
      for (const decoded of [await decoder.decode(part), ...(last ? [await decoder.flush?.()] : [])]) {
        const length = decoded?.channelData[0]?.length ?? 0;
        if (!decoded || length === 0) continue;
        const from = Math.min(trim, length);
        trim -= from;
        const channels = from > 0 ? decoded.channelData.map((channel) => channel.subarray(from)) : decoded.channelData;
        if (length > from)
          yield { sampleRate: decoded.sampleRate, channels, decoded: (at + part.length) / bytes.length };
      }
    }
  } finally {
    decoder.free();
  }
}

interface StreamDecoder {
  ready: Promise<void>;
  decode(part: Uint8Array): Promise<Decoded> | Decoded;
  flush?(): Promise<Decoded>;
  free(): void;
}
type Decoded = { channelData: Float32Array[]; sampleRate: number };

// Gapless off: what the encoder put before the song is cut by the game's own rule instead.
const mp3Decoder = (): StreamDecoder => new MPEGDecoder({ enableGapless: false });
const flacDecoder = (): StreamDecoder => new FLACDecoder();
const vorbisDecoder = (): StreamDecoder => new OggVorbisDecoder();
const opusDecoder = (): StreamDecoder => new OggOpusDecoder({ forceStereo: true });

function* decodeWav(bytes: Uint8Array): Generator<PcmBlock, void> {
  const wav = parseWav(bytes);
  for (let start = 0; start < wav.frames; start += wavBlock) {
    const length = Math.min(wavBlock, wav.frames - start);
    const channels = Array.from({ length: wav.channels }, (_, channel) =>
      Float32Array.from({ length }, (_sample, i) => finite(wav.read(start + i, channel))),
    );
    yield { sampleRate: wav.sampleRate, channels, decoded: (start + length) / wav.frames };
  }
}

const finite = (value: number) => (Number.isFinite(value) ? value : 0);

function mix(channels: Float32Array[]): Float32Array {
  const [first = new Float32Array()] = channels;
  if (channels.length === 1) return first;
  const mono = new Float32Array(first.length);
  for (const channel of channels) for (let i = 0; i < mono.length; i += 1) mono[i]! += channel[i]! / channels.length;
  return mono;
}
