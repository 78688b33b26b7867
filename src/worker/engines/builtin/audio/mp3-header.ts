/** Samples that every MPEG layer III decoder is late by. */
const decoderDelay = 529;

/** What the Xing or Info frame of an mp3 says of its start. */
interface Start {
  /** Four letters of the encoder's name. */
  encoder: string;
  /** Samples that the encoder put before the song. */
  delay: number;
  /** Hz */
  rate: number;
}

/**
 * How many sample frames osu! cuts from the start of an mp3 (BASS, old gap handling): with an Xing or Info frame that
 * names its encoder, the encoder's delay + 529, usually 1,105 in all; else nothing.
 */
export function gameTrim(bytes: Uint8Array): number {
  const start = readStart(bytes);
  return start && start.delay > 0 ? start.delay + decoderDelay : 0;
}

/**
 * How much later a song is heard in a browser than in the game, ms. Chromium (ffmpeg's rule) cuts the delay + 529 of LAME and of
 * ffmpeg itself, also where the delay is 0, and nothing of other encoders; measured in docs/preview.md.
 */
export function browserShiftMs(bytes: Uint8Array): number {
  const start = readStart(bytes);
  if (!start) return 0;
  const browserTrim = ['LAME', 'Lavf', 'Lavc'].includes(start.encoder) ? start.delay + decoderDelay : 0;
  return ((gameTrim(bytes) - browserTrim) / start.rate) * 1000;
}

/** Null where there is no such frame or it names no encoder. */
function readStart(bytes: Uint8Array): Start | null {
  const header = findFrame(bytes, afterId3(bytes));
  if (header < 0) return null;
  const text = (from: number, length: number) => String.fromCharCode(...bytes.subarray(from, from + length));
  const tag = [36, 21, 13].map((offset) => header + offset).find((at) => ['Xing', 'Info'].includes(text(at, 4)));
  if (tag === undefined) return null;
  const flags = bytes[tag + 7] ?? 0;
  const name = tag + 8 + (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  const encoder = text(name, 4);
  if (!/^[\x20-\x7e]{4}/.test(encoder)) return null;
  const delay = ((bytes[name + 21] ?? 0) << 4) | ((bytes[name + 22] ?? 0) >> 4);
  return { encoder, delay, rate: sampleRate(bytes[header + 1] ?? 0, bytes[header + 2] ?? 0) };
}

/** Hz, of the second and third byte of a frame's header: MPEG 1, its half for MPEG 2, a quarter for 2.5. */
function sampleRate(second: number, third: number): number {
  const full = [44_100, 48_000, 32_000][(third >> 2) & 3] ?? 44_100;
  const version = (second >> 3) & 3;
  return version === 3 ? full : version === 2 ? full / 2 : full / 4;
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
