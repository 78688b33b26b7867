/**
 * Random numbers by key, not by order: the same seed, stage and indices always give the same number, whatever was asked
 * before. So a map changes only where its input does. (A 32-bit finaliser in the manner of MurmurHash3.)
 */
export type Random = (stage: string, ...indices: number[]) => number;

export function createRandom(seed: number): Random {
  return (stage, ...indices) => {
    let hash = mixIn(0x9e3779b9, seed);
    for (let i = 0; i < stage.length; i += 1) hash = mixIn(hash, stage.charCodeAt(i));
    for (const index of indices) hash = mixIn(hash, index);
    return finalise(hash) / 2 ** 32;
  };
}

/** A 31-bit seed from a text, for requests that bring none. */
export function seedFrom(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = mixIn(hash, text.charCodeAt(i));
  return finalise(hash) >>> 1;
}

function mixIn(hash: number, value: number): number {
  let k = Math.imul(value | 0, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finalise(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
