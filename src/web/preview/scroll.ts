import type { Preview } from '../../shared/preview.ts';
import { firstIndex } from './visible.ts';

/**
 * How notes move in the modes in which they scroll. In taiko each keeps the velocity of its own time; in mania all move together, so there a
 * note's place is what has been covered up to its time.
 */
export function createScroll({ scroll, end }: Pick<Preview, 'scroll' | 'end'>) {
  const known = scroll.filter(([, velocity]) => velocity > 0);
  const usual = mostUsed(known, end) ?? 1;
  let covered = 0;
  const points = (known.length > 0 ? known : [[0, usual] as const]).map(([time, velocity], index, all) => {
    const before = all[index - 1];
    if (before) covered += ((time - before[0]) * before[1]) / usual;
    return { time, covered, pace: velocity / usual };
  });
  const start = { time: points[0]?.time ?? 0, covered: 0, pace: points[0]?.pace ?? 1 };
  const pointAt = (value: number, of: 'time' | 'covered') =>
    points[firstIndex(points.length, (index) => (points[index] ?? start)[of] > value) - 1] ?? start;

  return {
    /** osu! pixels per ms. */
    velocity: (time: number): number => pointAt(time, 'time').pace * usual,
    /** What has been covered by a time, in ms at the map's usual velocity. */
    covered(time: number): number {
      const point = pointAt(time, 'time');
      return point.covered + (time - point.time) * point.pace;
    },
    /** The time by which this much has been covered. */
    timeAt(covered: number): number {
      const point = pointAt(covered, 'covered');
      return point.time + (covered - point.covered) / point.pace;
    },
  };
}

/** The velocity that holds for longest. */
function mostUsed(lines: Preview['scroll'], end: number): number | undefined {
  const held = new Map<number, number>();
  for (const [index, [time, velocity]] of lines.entries())
    held.set(velocity, (held.get(velocity) ?? 0) + Math.max(0, (lines[index + 1]?.[0] ?? end) - time));
  return [...held].sort(([, one], [, other]) => other - one)[0]?.[0];
}
