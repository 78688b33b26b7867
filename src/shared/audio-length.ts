import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import CodecParser, { type CodecFrame, type OggPage } from 'codec-parser';
import { parseFile, type IFormat } from 'music-metadata';
import type { AudioFormat } from './request.ts';

/**
 * The length that a file's headers declare, in seconds; undefined where they declare none. `format` is as music-metadata
 * gives it without `duration`: for an mp3 without an Xing or Info frame that is the file's size at the bitrate of the first
 * frames, a guess that can be several times too long and is left out here.
 */
export function declaredSeconds({ container, duration, numberOfSamples, sampleRate }: IFormat): number | undefined {
  if (duration === undefined || !Number.isFinite(duration)) return undefined;
  const guessed = container === 'MPEG' && duration === (numberOfSamples ?? 0) / (sampleRate ?? 1);
  return guessed ? undefined : duration;
}

export interface SongLength {
  /** 0 where nothing can be counted: then the engine says why. */
  seconds: number;
  /** Whether the file ends before the song does. */
  cutOff: boolean;
}

const unknown: SongLength = { seconds: 0, cutOff: false };

/** Said of a song that is cut off, whatever engine maps it. */
export const cutOffWarning = 'The audio file ends abruptly and may be cut off; the map is of what is there.';

/**
 * The length of a song by counting its frames, not by what a header says: joined files, cut-off ones and false headers are
 * common. A wav's is by the size of its data, an m4a's by its header. Unknown when the signal aborts.
 */
export async function measureSong(path: string, format: AudioFormat, signal: AbortSignal): Promise<SongLength> {
  try {
    if (format === 'wav') return { seconds: await headerSeconds(path), cutOff: await isShortRiff(path) };
    if (format === 'm4a') return { seconds: await headerSeconds(path), cutOff: false };
    return await countFrames(path, format, signal);
  } catch {
    return { seconds: 0, cutOff: format === 'm4a' }; // whose reader gives up at a box that goes on after the file's end
  }
}

async function headerSeconds(path: string): Promise<number> {
  return declaredSeconds((await parseFile(path, { duration: false, skipCovers: true })).format) ?? 0;
}

/** A size of all ones is a stream's, whose writer did not know it. */
async function isShortRiff(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 4);
    const declared = buffer.readUInt32LE(0);
    return declared < 0xffff_ffff && (await file.stat()).size < 0.98 * declared;
  } finally {
    await file.close();
  }
}

const types = { mp3: 'audio/mpeg', ogg: 'application/ogg', opus: 'application/ogg', flac: 'audio/flac' } as const;

async function countFrames(path: string, format: keyof typeof types, signal: AbortSignal): Promise<SongLength> {
  const parser = new CodecParser(types[format], { enableFrameCRC32: false });
  const end = format === 'mp3' ? endOfMp3() : format === 'flac' ? endOfFlac : endOfOgg();
  let seconds = 0;
  // Both are generators, whatever their types say.
  const add = (found: Iterator<CodecFrame | OggPage>) => {
    for (const part of found as Generator<CodecFrame | OggPage>) {
      const frames = 'codecFrames' in part ? part.codecFrames : [part];
      for (const { samples, header } of frames) if (samples > 0) seconds += samples / header.sampleRate;
      end.see(part);
    }
  };
  for await (const chunk of createReadStream(path)) {
    if (signal.aborted) return unknown;
    add(parser.parseChunk(chunk as Buffer));
  }
  add(parser.flush());
  const declared = await headerSeconds(path).catch(() => 0);
  const missing = declared - seconds > Math.max(1, 0.02 * declared);
  return { seconds, cutOff: seconds > 0 && (end.isShort() || missing) };
}

interface End {
  see(part: CodecFrame | OggPage): void;
  isShort(): boolean;
}

/** An mp3 ends short when its last frame has fewer bytes than others of the same bitrate, rate and padding. */
function endOfMp3(): End {
  const lengths = new Map<number, number>();
  let short = false;
  return {
    see({ data }) {
      const kind = (data[2] ?? 0) & 0xfe;
      const usual = lengths.get(kind) ?? 0;
      short = data.length < usual;
      if (!short) lengths.set(kind, data.length);
    },
    isShort: () => short,
  };
}

/** An ogg ends short when its last page does not say that it is the last. */
function endOfOgg(): End {
  let last = true;
  return {
    see: (part) => void (last = 'isLastPage' in part && part.isLastPage),
    isShort: () => !last,
  };
}

/** A flac's header declares its samples. */
const endOfFlac: End = { see: () => undefined, isShort: () => false };
