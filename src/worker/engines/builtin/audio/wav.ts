/**
 * Reads RIFF WAVE: PCM of 8, 16, 24 and 32 bits and IEEE float, plain or extensible. Written by hand: the npm readers
 * load the whole file into number arrays, and this is one loop.
 */
export interface Wav {
  sampleRate: number;
  channels: number;
  /** Sample frames that are really there; a cut-off file has fewer than its header says. */
  frames: number;
  read(frame: number, channel: number): number;
}

const pcm = 1;
const ieeeFloat = 3;
const extensible = 0xfffe;

/** Throws when the bytes are no WAVE file that can be read. */
export function parseWav(bytes: Uint8Array): Wav {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: { code: number; channels: number; sampleRate: number; bits: number } | undefined;
  for (let at = 12; at + 8 <= view.byteLength;) {
    const id = view.getUint32(at, false);
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (id === 0x666d7420 && body + 16 <= view.byteLength) {
      const tag = view.getUint16(body, true);
      const code = tag === extensible && size >= 26 ? view.getUint16(body + 24, true) : tag;
      const [channels, sampleRate] = [view.getUint16(body + 2, true), view.getUint32(body + 4, true)];
      format = { code, channels, sampleRate, bits: view.getUint16(body + 14, true) };
    } else if (id === 0x64617461 && format) {
      return open(view, body, Math.min(size, view.byteLength - body), format);
    }
    at = body + size + (size % 2);
  }
  throw new Error('no audio data in the WAVE file');
}

function open(
  view: DataView,
  start: number,
  available: number,
  format: { code: number; channels: number; sampleRate: number; bits: number },
): Wav {
  const { code, channels, sampleRate, bits } = format;
  const sample = reader(view, code, bits);
  const width = bits / 8;
  const step = width * channels;
  if (!sample || channels < 1 || channels > 32 || sampleRate < 4000 || sampleRate > 768_000) {
    throw new Error(
      `WAVE format ${code} with ${bits} bits and ${channels} channels at ${sampleRate} Hz is not supported`,
    );
  }
  return {
    sampleRate,
    channels,
    frames: Math.floor(available / step),
    read: (frame, channel) => sample(start + frame * step + channel * width),
  };
}

function reader(view: DataView, code: number, bits: number): ((at: number) => number) | undefined {
  if (code === ieeeFloat && bits === 32) return (at) => view.getFloat32(at, true);
  if (code === ieeeFloat && bits === 64) return (at) => view.getFloat64(at, true);
  if (code !== pcm) return undefined;
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32768;
  if (bits === 24) return (at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608;
  if (bits === 32) return (at) => view.getInt32(at, true) / 2147483648;
  return undefined;
}
