/** Samples that every MPEG layer III decoder is late by. */
const decoderDelay = 529;

/**
 * How many sample frames osu! cuts from the start of an mp3 (BASS, old gap handling): with an Xing or Info frame that
 * names its encoder, the encoder's delay + 529, usually 1,105 in all; else nothing.
 */
export function gameTrim(bytes: Uint8Array): number {
  const start = afterId3(bytes);
  const header = findFrame(bytes, start);
  if (header < 0) return 0;
  const text = (from: number, length: number) => String.fromCharCode(...bytes.subarray(from, from + length));
  const tag = [36, 21, 13].map((offset) => header + offset).find((at) => ['Xing', 'Info'].includes(text(at, 4)));
  if (tag === undefined) return 0;
  const flags = bytes[tag + 7] ?? 0;
  const encoder = tag + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!/^[\x20-\x7e]{4}/.test(text(encoder, 4))) return 0;
  const delay = ((bytes[encoder + 21] ?? 0) << 4) | ((bytes[encoder + 22] ?? 0) >> 4);
  return delay > 0 ? delay + decoderDelay : 0;
}

function afterId3(bytes: Uint8Array): number {
  if (bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return 0;
  const size = [6, 7, 8, 9].reduce((sum, at) => (sum << 7) | ((bytes[at] ?? 0) & 0x7f), 0);
  return 10 + size;
}

/** The first layer III frame header within 64 kB of `start`, or −1. */
function findFrame(bytes: Uint8Array, start: number): number {
  for (let at = start; at < Math.min(bytes.length - 4, start + 65_536); at += 1) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    if (a === 0xff && (b & 0xe6) === 0xe2 && c >> 4 !== 15 && (c & 0x0c) !== 0x0c) return at;
  }
  return -1;
}
