import { crc32 } from 'node:zlib';
import { zlibSync } from 'fflate';
import type { Random } from '../random.ts';

const width = 1280;
const height = 720;

const hueOf = (random: Random) => random('hue') * 360;

/** Combo colours that go with the background: four hues around the circle, bright enough for the ranking criteria (B12). */
export function comboColours(random: Random): number[][] {
  const base = hueOf(random) + 180;
  return [0, 75, 160, 250].map((turn) => hsl(base + turn, 0.75, 0.68));
}

/** A quiet picture of our own for songs that bring none: soft diagonal bands in two hues that the seed chooses. PNG. */
export function drawBackground(random: Random): Uint8Array {
  const base = hueOf(random);
  const palette = Array.from({ length: 64 }, (_, i) => hsl(base + (i / 63) * 70, 0.45, 0.12 + 0.16 * (i / 63)));
  const rows = new Uint8Array(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const wave = Math.sin((x + y * 1.7) / 210) + Math.sin((x * 0.6 - y) / 330 + 2);
      rows[y * (width + 1) + 1 + x] = Math.round(((wave + 2) / 4) * 63);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 3], 8); // 8 bits, palette
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(palette.flat())),
    chunk('IDAT', zlibSync(rows, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
}

function hsl(hue: number, saturation: number, lightness: number): number[] {
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    const spread = saturation * Math.min(lightness, 1 - lightness);
    return Math.round(255 * (lightness - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Uint8Array.from(type, (letter) => letter.charCodeAt(0)), data]);
  const frame = new Uint8Array(body.length + 8);
  const view = new DataView(frame.buffer);
  view.setUint32(0, data.length);
  frame.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return frame;
}
