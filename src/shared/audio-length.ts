import { createReadStream } from 'node:fs';
import CodecParser, { type CodecFrame, type MimeType, type OggPage } from 'codec-parser';
import { parseFile, type IFormat } from 'music-metadata';
import type { AudioFormat } from './request.ts';

/**
 * The length that a file's headers declare, in seconds; undefined where they declare none. `format` is as music-metadata
 * gives it without `duration`: for an mp3 without an Xing or Info frame that is the file's size at the bitrate of the first
 * frames, a guess that can be five times too long and is left out here.
 */
export function declaredSeconds({ container, duration, numberOfSamples, sampleRate }: IFormat): number | undefined {
  if (duration === undefined || !Number.isFinite(duration)) return undefined;
  const guessed = container === 'MPEG' && duration === (numberOfSamples ?? 0) / (sampleRate ?? 1);
  return guessed ? undefined : duration;
}

const counted = { mp3: 'audio/mpeg', ogg: 'application/ogg', opus: 'application/ogg', flac: 'audio/flac' } as const;

/**
 * The length of a song in seconds, by counting its frames and not by what a header says: joined files, cut-off ones and
 * false headers are common. A wav's is by the size of its data, an m4a's by its header. 0 where nothing can be counted, and
 * when the signal aborts.
 */
export async function measureSeconds(path: string, format: AudioFormat, signal: AbortSignal): Promise<number> {
  try {
    if (format !== 'wav' && format !== 'm4a') return await countSeconds(path, counted[format], signal);
    const { duration } = (await parseFile(path, { duration: true, skipCovers: true })).format;
    return duration ?? 0;
  } catch {
    return 0;
  }
}

async function countSeconds(path: string, type: MimeType, signal: AbortSignal): Promise<number> {
  const parser = new CodecParser(type, { enableFrameCRC32: false });
  let seconds = 0;
  // Both are generators, whatever their types say.
  const add = (found: Iterator<CodecFrame | OggPage>) => {
    for (const part of found as Generator<CodecFrame | OggPage>) {
      const frames = 'codecFrames' in part ? part.codecFrames : [part];
      for (const { samples, header } of frames) if (samples > 0) seconds += samples / header.sampleRate;
    }
  };
  for await (const chunk of createReadStream(path)) {
    if (signal.aborted) return 0;
    add(parser.parseChunk(chunk as Buffer));
  }
  add(parser.flush());
  return seconds;
}
