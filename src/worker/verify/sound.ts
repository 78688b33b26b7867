/** The little that the checks ask of sounds, from their first bytes: `file-type` and `music-metadata` are asynchronous. */

const text = (bytes: Uint8Array, from: number, length: number) =>
  String.fromCharCode(...bytes.subarray(from, from + length));

/** What a sound file is by its bytes. */
export function soundType(bytes: Uint8Array): 'mp3' | 'ogg' | 'wav' | null {
  if (text(bytes, 0, 4) === 'OggS') return 'ogg';
  if (text(bytes, 0, 4) === 'RIFF') return 'wav';
  const sync = bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0;
  return sync || text(bytes, 0, 3) === 'ID3' ? 'mp3' : null;
}

/** Length of a wav in ms from its header, or null for other files. */
export function soundMs(bytes: Uint8Array): number | null {
  if (soundType(bytes) !== 'wav' || bytes.length < 44) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let perSecond = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    if (text(bytes, at, 4) === 'fmt ' && at + 20 <= bytes.length) perSecond = view.getUint32(at + 16, true);
    if (text(bytes, at, 4) === 'data')
      return perSecond > 0 ? (Math.min(size, bytes.length - at - 8) / perSecond) * 1000 : null;
    at += 8 + size + (size % 2);
  }
  return null;
}
