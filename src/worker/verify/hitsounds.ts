import { edgesOf } from './hit-object.ts';
import type { Check } from './judged.ts';

/** A stretch without hit sounds: ms, objects and score (ms + 200 an object) that all must be passed (mapping reference, B17). */
const longStretch = { blocking: [36_000, 8, 30_000], advisory: [12_000, 2, 10_000] } as const;

/** B17: a hit-sounded map has an addition or a change of samples, and none of its stretches goes without for long. */
export const hitsounds: Check = ({ map }, find) => {
  if (map.mode === 1 || map.mode === 3 || map.objects.length === 0) return;
  let since = map.objects[0]?.time ?? 0;
  let objects = 0;
  let heard = 0;
  let sampleBefore = '';
  const judge = (until: number) => {
    const rest = map.breaks.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(end, until) - Math.max(start, since)),
      0,
    );
    const ms = until - since - rest;
    const passes = ([time, count, score]: readonly [number, number, number]) =>
      ms > time && objects > count && ms + 200 * objects > score;
    const level = passes(longStretch.blocking) ? 'blocking' : passes(longStretch.advisory) ? 'advisory' : null;
    if (level) find('B17', level, since, `${Math.round(ms / 1000)} s and ${objects} objects without a hit sound`);
  };
  for (const object of map.objects) {
    objects++;
    edgesOf(object).forEach((time, edge) => {
      const sound = object.sounds[object.kind === 'spinner' ? 0 : edge];
      if (!sound || (object.kind === 'spinner' && edge === 0)) return;
      const { line } = map.timing.at(time + 5);
      const sample = `${sound.normalSet || line.sampleSet}:${object.sampleIndex || line.sampleIndex}`;
      const sounds =
        (sound.sound & 14) !== 0 || (sampleBefore !== '' && sample !== sampleBefore) || object.sampleFile !== '';
      sampleBefore = sample;
      if (!sounds) return;
      judge(time);
      heard++;
      since = time;
      objects = 0;
    });
  }
  if (heard === 0) find('B17', 'blocking', null, 'no hit sound in the whole map');
  else judge(map.objects.at(-1)?.end ?? since);
};
