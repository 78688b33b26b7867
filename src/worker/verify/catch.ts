import { halfPlate, movements, type Catch } from './catch-movement.ts';
import { bpmScale } from './difficulty.ts';
import type { Find } from './issue.ts';
import type { Check, Judged } from './judged.ts';
import { bpmOf } from './timing-lines.ts';

/**
 * What a level allows, in ms between what is caught: `least` from any gap, `basic` from the gap at which it is easy; below that it
 * is higher-snapped. Whole-ms times may be 1 ms short of them.
 */
const limits = { dash: { 1: [125, 250], 2: [62, 125], 3: [62, 125] }, hyper: { 2: [125, 250], 3: [62, 125] } } as const;
const rounding = 1;

/** F01 to F04 and F06: what the catcher has to do from one fruit or droplet to the next. */
export const movement: Check = (judged, find) => {
  const catches = movements(judged.map);
  hyperdashes(catches, judged.level, find);
  hyperdashRuns(catches, judged.level, find);
  dashes(catches, judged.level, find);
  edgeDashes(catches, judged, find);
  reachable(catches, judged, find);
};

/** F01 */
function hyperdashes(catches: readonly Catch[], level: number, find: Find) {
  if (level > 3) return;
  const [least] = limits.hyper[level as 2 | 3] ?? [Infinity];
  for (const { hyper, time, gap, kind } of catches) {
    if (!hyper) continue;
    if (level < 2) find('F01', 'blocking', time, 'a hyperdash');
    else if (gap < least - rounding)
      find('F01', 'blocking', time, `a hyperdash in ${Math.round(gap)} ms, less than ${least}`);
    else if (level === 2 && (kind === 'droplet' || kind === 'repeat'))
      find('F01', 'blocking', time, `a hyperdash from a ${kind}`);
  }
}

/** F02: runs of hyperdashes. */
function hyperdashRuns(catches: readonly Catch[], level: number, find: Find) {
  if (level !== 2 && level !== 3) return;
  const [, basic] = limits.hyper[level];
  const higher = ({ gap }: Catch) => gap < basic - rounding;
  const most = level === 2 ? 2 : 4;
  for (const [from, run] of runs(catches, ({ hyper }) => hyper)) {
    const { time, gap: pace } = run[0];
    if (run.length > most) find('F02', 'blocking', time, `${run.length} hyperdashes in a row, more than ${most}`);
    if (level === 3) {
      if (runs(run, higher).some(([, quick]) => quick.length > 1))
        find('F02', 'blocking', time, 'quick hyperdashes in a row');
      continue;
    }
    const neighbours = [catches[from - 1], catches[from + run.length]];
    if (run.some(higher) && (run.length > 1 || neighbours.some((other) => other?.dash)))
      find('F02', 'blocking', time, 'a quick hyperdash together with another dash');
    else if (run.some(({ gap }) => Math.abs(gap - pace) > 5))
      find('F02', 'blocking', time, 'hyperdashes of different rhythm in a row');
  }
  if (level !== 3) return;
  const within = ({ hyper, kind, of }: Catch) => hyper && kind !== 'fruit' && kind !== 'tail' && of.slider !== null;
  for (const [, run] of runs(catches, within))
    if (run.length > 2 || run.some(higher)) find('F02', 'blocking', run[0].time, 'too many hyperdashes in a slider');
}

/** F03: dashes. */
function dashes(catches: readonly Catch[], level: number, find: Find) {
  const isDash = ({ dash }: Catch) => dash;
  if (level === 0) for (const { time } of catches.filter(isDash)) find('F03', 'blocking', time, 'a dash');
  if (level < 1 || level > 3) return;
  const [least, basic] = limits.dash[level as 1 | 2 | 3];
  const higher = ({ gap }: Catch) => gap < basic - rounding;
  for (const { time, gap } of catches.filter(isDash))
    if (gap < least - rounding) find('F03', 'blocking', time, `a dash in ${Math.round(gap)} ms, less than ${least}`);
  if (level === 3) return;
  const most = level === 1 ? 2 : 4;
  for (const [, run] of runs(catches, isDash)) {
    const { time } = run[0];
    if (run.length > most) find('F03', 'blocking', time, `${run.length} dashes in a row, more than ${most}`);
    if (level === 1 && run.slice(0, -1).some(higher)) find('F03', 'blocking', time, 'no walk after a quick dash');
    if (level === 1) continue;
    for (const [, quick] of runs(run, higher)) {
      const turns = quick.some(({ move }) => Math.sign(move) !== Math.sign(quick[0].move));
      if (quick.length > 2 || turns) find('F03', 'blocking', quick[0].time, 'quick dashes that turn, or more than two');
    }
  }
}

/** F04: a dash that all but needs to be a hyperdash. */
function edgeDashes(catches: readonly Catch[], { map, level }: Judged, find: Find) {
  if (level < 1 || level > 3) return;
  for (const { dash, toHyper, time, gap } of catches) {
    if (!dash) continue;
    const scale = bpmScale(bpmOf(map.timing.at(time).tempo));
    const room = scale * Math.round(10 * (1 - (1 - Math.min(gap, 300) / 300) ** 0.75));
    if (toHyper <= room)
      find('F04', level < 3 ? 'blocking' : 'advisory', time, `${toHyper.toFixed(1)} px short of a hyperdash`);
  }
}

/** F06: a player who dashes whenever it helps catches everything. The catcher can be anywhere from `low` to `high`; a hyperdash goes up to its fruit. */
function reachable(catches: readonly Catch[], { map }: Judged, find: Find) {
  const reach = 0.8 * halfPlate(map.cs);
  let [low, high] = [0, 512];
  catches.forEach(({ x, time }, i) => {
    const before = catches[i - 1];
    if (before) [low, high] = [low - before.gap, high + before.gap];
    if (before?.hyper) [low, high] = [Math.min(low, x), Math.max(high, x)];
    low = Math.max(low, x - reach);
    high = Math.min(high, x + reach);
    // A hyperdash is as fast as it must be, but no frame of the game is shorter than this.
    const instant = before?.hyper === true && before.gap < 1;
    if (low <= high && !instant) return;
    find('F06', 'blocking', time, 'cannot be reached');
    [low, high] = [x - reach, x + reach];
  });
}

/** Least ms before and after a banana shower by level. */
const showerGaps = [
  [250, 250],
  [250, 250],
  [125, 250],
  [125, 125],
  [62, 125],
  [62, 125],
] as const;

/** F05: room around banana showers. */
export const showers: Check = ({ map, level }, find) => {
  const [before, after] = showerGaps[level] ?? [62, 125];
  map.objects.forEach((object, i) => {
    if (object.kind !== 'spinner') return;
    const last = map.objects[i - 1];
    const next = map.objects[i + 1];
    if (last && object.time - last.end < before - rounding)
      find(
        'F05',
        'blocking',
        object.time,
        `a spinner ${Math.round(object.time - last.end)} ms after an object, not ${before}`,
      );
    if (next && next.time - object.end < after - rounding)
      find(
        'F05',
        'blocking',
        next.time,
        `an object ${Math.round(next.time - object.end)} ms after a spinner, not ${after}`,
      );
  });
};

/** Runs of neighbours that fit, with where they begin. */
function runs(catches: readonly Catch[], fits: (one: Catch) => boolean): [from: number, run: [Catch, ...Catch[]]][] {
  const found: [number, [Catch, ...Catch[]]][] = [];
  catches.forEach((one, i) => {
    if (!fits(one)) return;
    const last = found.at(-1);
    if (last && last[0] + last[1].length === i) last[1].push(one);
    else found.push([i, [one]]);
  });
  return found;
}
