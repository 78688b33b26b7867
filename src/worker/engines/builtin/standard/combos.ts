import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import { gridBeats, type TimedObject } from './objects.ts';

/** For Easy to Expert+. */
const barsPerCombo = [2, 2, 1, 1, 1, 1];
const longestCombo = [6, 6, 6, 6, 6, 6];
/** A pause of this many beats starts a combo. */
const pauseBeats = [6, 4, 3, 2, 2, 2];

/**
 * Marks new combos: at every bar, or every second one for beginners, at the first object on a beat; at sections, after
 * pauses and spinners. Combos that are too long for the level are divided on a beat near their middle.
 */
export function markCombos(objects: TimedObject[], { structure }: Score, level: number): void {
  const sections = new Set(structure.sections.map(({ firstBar }) => firstBar));
  let comboBar = -Infinity;
  let waiting = true;
  objects.forEach((object, i) => {
    const { start } = object;
    const before = objects[i - 1];
    const rested = !before || before.kind === 'spinner' || pauseBetween(before, object) >= pauseBeats[level]!;
    const turned = start.bar > comboBar && (sections.has(start.bar) || start.bar - comboBar >= barsPerCombo[level]!);
    if (turned) waiting = true;
    // The bar's first object may be an upbeat: the combo waits for a beat, but not past the bar's first half.
    const onBeat = isBeat(start) || start.place >= (start.tempo.meter * start.tempo.ticksPerBeat) / 2;
    if (rested || (waiting && onBeat) || object.kind === 'spinner') {
      object.newCombo = true;
      comboBar = start.bar;
      waiting = false;
    }
  });
  divideLong(objects, longestCombo[level]!);
}

/** Whether a tick is on a beat as the timing point counts them; the grid halves those of slow songs. */
const isBeat = ({ place, tempo }: Tick) => place % (tempo.ticksPerBeat * Math.max(1, tempo.pulse)) === 0;

function pauseBetween(before: TimedObject, { start }: TimedObject): number {
  return before.end.tempo === start.tempo ? gridBeats(before.end, start) : Infinity;
}

function divideLong(objects: TimedObject[], longest: number): void {
  let from = 0;
  for (let i = 1; i <= objects.length; i += 1) {
    if (i < objects.length && !objects[i]!.newCombo) continue;
    while (i - from > longest) {
      const cut = middleBeat(objects, from, Math.min(i, from + 2 * longest), longest);
      objects[cut]!.newCombo = true;
      from = cut;
    }
    from = i;
  }
}

/** The object nearest to the middle between two that starts on a beat; the middle one where none does. */
function middleBeat(objects: readonly TimedObject[], from: number, to: number, longest: number): number {
  const middle = Math.floor((from + to) / 2);
  for (let away = 0; away < longest / 2; away += 1) {
    for (const i of [middle - away, middle + away]) {
      if (i > from + 1 && i < to && i - from <= longest && isBeat(objects[i]!.start)) return i;
    }
  }
  return Math.min(middle, from + longest);
}
