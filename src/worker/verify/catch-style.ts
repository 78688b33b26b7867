import { movements } from './catch-movement.ts';
import type { Check } from './judged.ts';

/** Objects of a combo, slider parts counted, at most; half more is a warning. By level. */
const longestCombo = [8, 10, 12, 16, 16, 16];
const edge = { left: 16, right: 496 };

/** F20 to F22: combos, dashes to the rim, and turning back after a quick hyperdash (Platter). */
export const catchStyle: Check = ({ map, level }, find) => {
  const catches = movements(map);
  const most = (longestCombo[level] ?? 16) * 1.5;
  let combo = 0;
  let part: unknown = null;
  catches.forEach((one, i) => {
    combo = one.of !== part && one.of.newCombo ? 1 : combo + 1;
    part = one.of;
    if (combo === Math.floor(most) + 1) find('F20', 'advisory', one.time, `a combo of more than ${most} objects`);
    const next = catches[i + 1];
    if (!next) return;
    if ((one.dash || one.hyper) && level < 4 && (next.x < edge.left || next.x > edge.right))
      find('F21', 'advisory', next.time, 'a dash to the rim');
    const back = Math.sign(next.move) !== Math.sign(one.move) && Math.abs(next.move) > (10 * next.gap) / 50;
    if (level === 2 && one.hyper && one.gap < 249 && back)
      find('F22', 'advisory', next.time, 'back after a quick hyperdash');
  });
  if (!map.objects.some(({ kind }) => kind === 'spinner')) find('F23', 'advisory', null, 'no spinner');
};

/** AR and OD, HP and CS by level: at least and at most. */
const usual: Record<'ar' | 'od' | 'hp' | 'cs', readonly (readonly [number, number])[]> = {
  ar: [
    [0, 6],
    [0, 7],
    [0, 8],
    [0, 9],
    [9, 10],
  ],
  od: [
    [0, 6],
    [0, 7],
    [0, 8],
    [0, 9],
    [9, 10],
  ],
  hp: [
    [2, 3],
    [3, 4],
    [4, 5],
    [5, 6],
    [5, 10],
  ],
  cs: [
    [0, 2.5],
    [0, 3],
    [0, 3.5],
    [0, 4],
    [4, 10],
  ],
};

/** F24: settings that are unusual for the level by more than one. */
export const catchSettings: Check = ({ map, level }, find) => {
  for (const name of ['ar', 'od', 'hp', 'cs'] as const) {
    const [least, most] = usual[name][Math.min(4, level)] ?? [0, 10];
    if (map[name] < least - 1 || map[name] > most + 1)
      find('F24', 'advisory', null, `${name.toUpperCase()} ${map[name]}, usual are ${least} to ${most}`);
  }
};
