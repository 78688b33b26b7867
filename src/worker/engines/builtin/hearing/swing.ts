import type { Features } from './features.ts';
import { OSU_OFFSET_MS, type TimingPoint } from '../timing/timing.ts';

/** Parts of a beat that attacks are gathered in: multiples of 3 and 4. */
const parts = 24;
/**
 * How much more there must be at two thirds of the beat than at its half and its quarters. Of the tuning songs three are swung, with ratios of
 * 2.4 and more; the highest of the others is 0.6.
 */
const clearly = 1.6;
/** What is less than this share of the beat's own attacks is no off-beat. */
const audibleShare = 0.1;

/** Whether a song's beats, each `beatMs(bpm)` long, are clearly parted into three. False where they are parted into nothing. */
export function isSwung(
  { full, hopMs }: Features,
  points: readonly TimingPoint[],
  endMs: number,
  beatMs: (bpm: number) => number,
): boolean {
  const sums = new Float64Array(parts);
  const counts = new Float64Array(parts);
  points.forEach(({ offsetMs, bpm }, i) => {
    const from = Math.max(0, Math.ceil(((i === 0 ? 0 : offsetMs) + OSU_OFFSET_MS) / hopMs));
    const to = Math.min(full.length, Math.floor(((points[i + 1]?.offsetMs ?? endMs) + OSU_OFFSET_MS) / hopMs));
    for (let frame = from; frame < to; frame += 1) {
      const beats = (frame * hopMs - OSU_OFFSET_MS - offsetMs) / beatMs(bpm);
      const part = Math.round((beats - Math.floor(beats)) * parts) % parts;
      sums[part]! += full[frame]!;
      counts[part]! += 1;
    }
  });
  const means = [...sums].map((sum, part) => sum / Math.max(1, counts[part]!));
  const floor = [...means].sort((a, b) => a - b)[parts / 2]!;
  // An attack may lie on either side of a part's edge.
  const at = (part: number) => Math.max(...[-1, 0, 1].map((d) => means[(part + d + parts) % parts]!)) - floor;
  const even = Math.max(at(parts / 4), at(parts / 2), at((3 * parts) / 4));
  const off = at((2 * parts) / 3);
  return off > clearly * even && off > audibleShare * at(0);
}
