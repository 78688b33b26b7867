import { edgesOf } from './hit-object.ts';
import type { Check } from './judged.ts';
import { bpmOf, type TimingLine } from './timing-lines.ts';

/** A beat as rhythm rules count it, ms: they are written for 180 BPM; up to 90 BPM beats count double, from 240 on half. */
export function countedBeat(red: TimingLine): number {
  const bpm = bpmOf(red);
  return bpm <= 90 ? red.beatLength / 2 : bpm >= 240 ? red.beatLength * 2 : red.beatLength;
}

/** Divisors of the beat, each after those that it holds. */
const divisors = [1, 2, 3, 4, 6, 8, 12, 16, 5, 7, 9];

/** S27: a divisor that is used only here and there is likely a mistake. 1 and 2 are at home in every map. */
export const rareSnaps: Check = ({ map }, find) => {
  const uses = new Map<number, { count: number; first: number }>();
  let edges = 0;
  for (const object of map.objects)
    for (const time of edgesOf(object)) {
      edges++;
      const { tempo } = map.timing.at(time + 1);
      const divisor = divisors.find((of) => {
        const step = tempo.beatLength / of;
        return Math.abs(time - tempo.time - Math.round((time - tempo.time) / step) * step) < 2;
      });
      if (divisor === undefined || divisor <= 2) continue;
      const use = uses.get(divisor);
      if (use) use.count++;
      else uses.set(divisor, { count: 1, first: time });
    }
  for (const [divisor, { count, first }] of uses)
    if (count <= 3 || count < 0.005 * edges) find('S27', 'advisory', first, `1/${divisor} is used ${count} times only`);
};
