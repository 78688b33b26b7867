import { imageSize } from 'image-size';
import type { PackedFile } from './osz.ts';

/** What a background may be (mapping rule B13). */
const smallest = { width: 160, height: 120 };
const largest = { width: 2560, height: 1440 };
const mostBytes = 2.5 * 1024 * 1024;

/** The song's own cover as a background, where it brings one that a map may use: a JPEG or PNG of a legal size. */
export function coverOf(picture: Uint8Array | undefined): PackedFile | null {
  if (!picture || picture.length > mostBytes) return null;
  try {
    const { type, width, height } = imageSize(picture);
    const fits =
      width >= smallest.width && height >= smallest.height && width <= largest.width && height <= largest.height;
    if (!fits || (type !== 'jpg' && type !== 'png')) return null;
    return { filename: `background.${type}`, bytes: picture };
  } catch {
    return null; // no picture after all
  }
}
