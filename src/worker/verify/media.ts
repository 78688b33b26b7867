/** The little that the checks ask of media files, from their first bytes. `file-type` is asynchronous and knows no sizes. */

const text = (bytes: Uint8Array, from: number, length: number) =>
  String.fromCharCode(...bytes.subarray(from, from + length));

/** Width and height of a PNG or JPEG, or null. */
export function imageSize(bytes: Uint8Array): [width: number, height: number] | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 24 && text(bytes, 1, 3) === 'PNG') return [view.getUint32(16), view.getUint32(20)];
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < bytes.length) {
    const marker = view.getUint16(at);
    // The frame headers; C4, C8 and CC are tables.
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

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
