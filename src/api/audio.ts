import { fileTypeFromFile } from 'file-type';
import { parseFile } from 'music-metadata';
import { declaredSeconds } from '../shared/audio-length.ts';
import { Problem } from '../shared/problems.ts';
import type { AudioFile, AudioFormat } from '../shared/request.ts';

/** What the bytes of a file say it is, by the name that the detector gives it. */
const formats: Record<string, AudioFormat> = {
  mp3: 'mp3',
  wav: 'wav',
  ogg: 'ogg',
  oga: 'ogg',
  opus: 'opus',
  flac: 'flac',
  m4a: 'm4a',
  mp4: 'm4a',
};

const supported = '.mp3, .wav, .ogg, .m4a, .flac, .opus';

/** Refuses what is not a song by its bytes, whatever its name says. The words are the seed's. */
export const unsupportedAudio = (reason: string) =>
  new Problem('unsupported_audio_type', `不支持的文件类型。支持的格式: ${supported} (${reason})`, [
    { field: 'audio_file', code: 'unsupported_audio_type', detail: reason },
  ]);

/**
 * Format, tags and the length that the headers tell; reads only the headers. Throws a Problem for bytes of no supported
 * type. Unreadable tags are no error: the worker measures the song itself.
 */
export async function inspectAudio(path: string): Promise<Pick<AudioFile, 'format' | 'seconds' | 'title' | 'artist'>> {
  const type = await fileTypeFromFile(path).catch(() => undefined);
  const format = type && formats[type.ext];
  if (!format) throw unsupportedAudio(`the file's bytes are ${type?.mime ?? 'no known audio format'}`);
  try {
    const { common, format: header } = await parseFile(path, { duration: false, skipCovers: true });
    const seconds = declaredSeconds(header);
    return {
      format: header.codec === 'Opus' ? 'opus' : format,
      ...(seconds === undefined ? {} : { seconds }),
      ...named('title', common.title),
      ...named('artist', common.artist),
    };
  } catch {
    return { format };
  }
}

function named<K extends string>(key: K, value: string | undefined): { [k in K]?: string } {
  const text = value
    ?.replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200);
  return text ? ({ [key]: text } as { [k in K]?: string }) : {};
}
