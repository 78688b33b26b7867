import { createMp3Encoder, createOggEncoder } from 'wasm-media-encoders';

const rate = 44_100;

export interface SongOptions {
  bpm: number;
  /** Time of the first downbeat, ms. */
  offsetMs: number;
  seconds?: number;
}

/**
 * A piece for the tests: kick, snare and hats on the grid, a bass and a melody that moves by the bar, a quiet first quarter. The same
 * options give the same samples. Mono, 44.1 kHz.
 */
export function synthesise({ bpm, offsetMs, seconds = 45 }: SongOptions): Float32Array {
  const song = new Float32Array(rate * seconds);
  const half = 30_000 / bpm;
  const melody = [0, 4, 7, 12, 7, 4, 9, 5, 2, 11];
  for (let n = 0; offsetMs + n * half < seconds * 1000 - 400; n += 1) {
    const at = offsetMs + n * half;
    const bar = Math.floor(n / 8);
    const loud = at > seconds * 250 ? 1 : 0.4;
    const place = n % 8;
    if (place === 0 || place === 4)
      hit(song, at, 0.18, (t) => 0.8 * loud * Math.sin(2 * Math.PI * (45 + 70 * Math.exp(-t * 40)) * t));
    if (place === 2 || place === 6) hit(song, at, 0.12, (t) => 0.45 * loud * noise(t + n) * Math.exp(-t * 25));
    if (loud === 1) hit(song, at, 0.04, (t) => 0.18 * noise(t * 3 + n) * Math.exp(-t * 90));
    if (place % 2 === 0 || (bar + place) % 5 === 1) {
      const pitch = 220 * 2 ** (melody[(n * 3 + bar) % melody.length]! / 12);
      hit(song, at, 0.3, (t) => 0.2 * loud * Math.sin(2 * Math.PI * pitch * t) * Math.exp(-t * 6));
    }
  }
  return song;
}

function hit(song: Float32Array, atMs: number, seconds: number, wave: (t: number) => number) {
  const start = Math.round((atMs / 1000) * rate);
  const length = Math.round(seconds * rate);
  for (let i = 0; i < length && start + i < song.length; i += 1) {
    const fade = Math.min(1, i / 20) * (1 - i / length);
    song[start + i]! += wave(i / rate) * fade;
  }
}

const noise = (t: number) => {
  const x = Math.sin(t * 127_717.13) * 43_758.5453;
  return 2 * (x - Math.floor(x)) - 1;
};

export function wavBytes(samples: Float32Array, { bits = 16, channels = 1, float = false } = {}): Uint8Array {
  const width = bits / 8;
  const wav = Buffer.alloc(44 + samples.length * width * channels);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(float ? 3 : 1, 20);
  wav.writeUInt16LE(channels, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * width * channels, 28);
  wav.writeUInt16LE(width * channels, 32);
  wav.writeUInt16LE(bits, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(wav.length - 44, 40);
  let at = 44;
  for (const sample of samples) {
    const value = Math.max(-1, Math.min(0.999, sample));
    for (let channel = 0; channel < channels; channel += 1, at += width) {
      if (float) wav.writeFloatLE(value, at);
      else if (bits === 8) wav.writeUInt8(Math.round(value * 127) + 128, at);
      else wav.writeIntLE(Math.round(value * (2 ** (bits - 1) - 1)), at, width);
    }
  }
  return wav;
}

export async function oggBytes(samples: Float32Array): Promise<Uint8Array> {
  const encoder = await createOggEncoder();
  encoder.configure({ sampleRate: rate, channels: 1, vbrQuality: 4 });
  return Buffer.concat([Buffer.from(encoder.encode([samples])), Buffer.from(encoder.finalize())]);
}

export async function mp3Bytes(samples: Float32Array): Promise<Uint8Array> {
  const encoder = await createMp3Encoder();
  encoder.configure({ sampleRate: rate, channels: 1, bitrate: 128 });
  return Buffer.concat([Buffer.from(encoder.encode([samples])), Buffer.from(encoder.finalize())]);
}
