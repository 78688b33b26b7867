import type { Beatmap } from '../verify/beatmap.ts';

/** The game's own, where a map names none. */
const defaultColours: Beatmap['comboColours'] = [
  [255, 192, 0],
  [0, 202, 0],
  [18, 124, 255],
  [242, 24, 57],
];

const hex = (value: number) =>
  Math.min(255, Math.max(0, Math.round(value)))
    .toString(16)
    .padStart(2, '0');

/** `#rrggbb` of each combo colour, in the order of the file. */
export function coloursOf({ comboColours }: Beatmap): string[] {
  const colours = comboColours.length > 0 ? comboColours : defaultColours;
  return colours.map((channels) => `#${channels.map(hex).join('')}`);
}

/**
 * The number that stands on each object and the index of its colour, in the game's way: the first object and those after a spinner or a
 * break begin a combo, a spinner never does, and the first combo has the second colour.
 */
export function combosOf({ objects, comboColours, breaks }: Beatmap): { combo: number; colour: number }[] {
  const colours = (comboColours.length > 0 ? comboColours : defaultColours).length;
  let combo = 0;
  let colour = 0;
  const rests = breaks.map(({ end }) => end).sort((a, b) => a - b);
  let next = 0; // the first rest that does not end before the last object; objects are in order of time
  return objects.map((object, i) => {
    const before = objects[i - 1];
    while (before && (rests[next] ?? Infinity) < before.time) next += 1;
    const rested = (rests[next] ?? Infinity) < object.time;
    const isFirst = !before || before.kind === 'spinner' || rested;
    if (object.kind !== 'spinner' && (object.newCombo || isFirst)) {
      combo = 0;
      colour += 1 + (object.newCombo ? object.skippedColours : 0);
    }
    combo += 1;
    return { combo, colour: colour % colours };
  });
}
