import { zipSync, type Zippable } from 'fflate';
import { createOggEncoder } from 'wasm-media-encoders';
import type { AudioFormat } from '../../../../shared/request.ts';
import { decodeBlocks, type ToWav } from '../audio/decode.ts';

/** A file as it goes into the map. */
export interface PackedFile {
  filename: string;
  bytes: Uint8Array;
}

/** A fixed time in every entry, so that the same map is the same bytes. The oldest that a zip can hold. */
const fixedTime = new Date(1980, 0, 1);

/** osu! plays mp3 and ogg vorbis: those go in as they are, anything else is encoded to ogg, which starts at the same sample. */
export async function packAudio(bytes: Uint8Array, format: AudioFormat, toWav?: ToWav): Promise<PackedFile> {
  if (format === 'mp3' || format === 'ogg') return { filename: `audio.${format}`, bytes };
  const encoder = await createOggEncoder();
  const parts: Uint8Array[] = [];
  let configured = false;
  for await (const { sampleRate, channels } of decodeBlocks(bytes, format, toWav)) {
    const pair = channels.slice(0, 2);
    if (!configured) encoder.configure({ sampleRate, channels: pair.length === 1 ? 1 : 2, vbrQuality: 5 });
    configured = true;
    parts.push(Uint8Array.from(encoder.encode(pair)));
  }
  parts.push(Uint8Array.from(encoder.finalize()));
  return { filename: 'audio.ogg', bytes: Buffer.concat(parts) };
}

/** The `.osz`: a zip of the map, its song and its background. Media are stored, text is deflated. */
export function packOsz(osuName: string, osuText: string, media: PackedFile[]): Uint8Array {
  const entries: Zippable = { [osuName]: [new TextEncoder().encode(osuText), { level: 6, mtime: fixedTime }] };
  for (const { filename, bytes } of media) entries[filename] = [bytes, { level: 0, mtime: fixedTime }];
  return zipSync(entries);
}
