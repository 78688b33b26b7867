/** One line of [TimingPoints]. */
export interface TimingLine {
  /** ms */
  time: number;
  /** ms per beat of a red line, −100 / speed of a green one. */
  beatLength: number;
  meter: number;
  sampleSet: number;
  sampleIndex: number;
  volume: number;
  /** Red (uninherited) or green (inherited). */
  red: boolean;
  kiai: boolean;
  omitBarline: boolean;
}

/** What holds at a moment of the map. */
export interface Section {
  /** The red line. */
  tempo: TimingLine;
  /** The last line of either colour: volume, samples, kiai. */
  line: TimingLine;
  /** Slider and scroll speed, 0.1 to 10. */
  speed: number;
}

const fallback: TimingLine = {
  time: 0,
  beatLength: 500,
  meter: 4,
  sampleSet: 1,
  sampleIndex: 0,
  volume: 100,
  red: true,
  kiai: false,
  omitBarline: false,
};

export type TimingLines = ReturnType<typeof createTimingLines>;

/** Look-up of what holds when. At one time a green line comes after a red one; before the first red line that one holds. */
export function createTimingLines(lines: readonly TimingLine[]) {
  const sorted = [...lines].sort((a, b) => a.time - b.time || Number(b.red) - Number(a.red));
  const red = sorted.filter((line) => line.red);
  const first = red[0] ?? fallback;
  const sections: Section[] = [];
  let tempo = first;
  for (const line of sorted) {
    if (line.red) tempo = line;
    sections.push({ tempo, line, speed: line.red ? 1 : speedOf(line) });
  }
  const start: Section = { tempo: first, line: sorted[0] ?? first, speed: 1 };

  /** What holds at a time in ms. */
  function at(time: number): Section {
    let low = 0;
    let high = sections.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sections[middle]?.line.time ?? Infinity) <= time) low = middle + 1;
      else high = middle;
    }
    return sections[low - 1] ?? start;
  }
  return { sorted, red, sections, at };
}

const speedOf = ({ beatLength }: TimingLine) => (beatLength < 0 ? Math.min(10, Math.max(0.1, 100 / -beatLength)) : 1);

/** ms of a beat of a red line as the game takes it: within 1 and 10,000 BPM. */
export const beatMs = (red: TimingLine): number => Math.min(60_000, Math.max(6, red.beatLength));

export const bpmOf = (red: TimingLine): number => 60_000 / red.beatLength;

const divisors = [16, 12, 9, 7, 5];

/**
 * How far a time lies from the nearest tick of the grid, in ms. The divisors 16, 12, 9, 7, 5 cover all that are allowed; the
 * game cuts ticks to whole ms. A time up to 2 ms before a red line may belong to that line.
 */
export function unsnap(timing: TimingLines, time: number): number {
  const { tempo } = timing.at(time);
  const next = timing.at(time + 2).tempo;
  return Math.min(offGrid(tempo, time), next === tempo ? Infinity : offGrid(next, time));
}

function offGrid({ time: offset, beatLength }: TimingLine, time: number): number {
  let least = Infinity;
  for (const divisor of divisors) {
    const step = beatLength / divisor;
    const k = Math.round((time - offset) / step);
    for (const near of [k, k + 1]) least = Math.min(least, Math.abs(time - Math.floor(offset + near * step)));
    if (least < 1) break;
  }
  return least;
}
