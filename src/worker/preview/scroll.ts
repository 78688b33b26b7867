import type { Beatmap } from '../verify/beatmap.ts';
import { beatMs, type TimingLine } from '../verify/timing-lines.ts';

const clamp = (value: number, min: number, max: number) => Math.min(max, Math.max(min, value));

export const beatMsAt = ({ timing }: Beatmap, time: number): number => beatMs(timing.at(time).tempo);

/** Green lines slow notes of taiko and mania down to a hundredth, sliders (verify/timing-lines.ts) to a tenth. */
const speedOf = ({ red, beatLength }: TimingLine) =>
  red || !(beatLength < 0) ? 1 : clamp(100 / -beatLength, 0.01, 10);

/** How many times as fast as its beat asks for; once before the first line. */
export function speedAt({ timing }: Beatmap, time: number): number {
  const { line } = timing.at(time);
  return line.time <= time ? speedOf(line) : 1;
}

/** How fast notes of taiko and mania move from each change on, px/ms. */
export function scrollOf({ timing, sliderMultiplier, objects }: Beatmap): [time: number, velocity: number][] {
  const [first] = timing.red;
  const start = Math.min(0, objects[0]?.time ?? 0, timing.sorted[0]?.time ?? 0);
  const changes: [number, number][] = first ? [[start, (100 * sliderMultiplier) / beatMs(first)]] : [];
  for (const { tempo, line } of timing.sections) {
    const velocity = (100 * sliderMultiplier * speedOf(line)) / beatMs(tempo);
    const last = changes.at(-1);
    if (last?.[0] === line.time) last[1] = velocity;
    else if (last?.[1] !== velocity) changes.push([line.time, velocity]);
  }
  return changes;
}

/** Bars of a map; what has more changes its tempo to draw pictures. */
const mostBarlines = 20_000;

/**
 * Starts of bars that are drawn (ppy/osu, BarLineGenerator): from each red line on, not before the song and the first object, up to the next one
 * or a bar past the last object.
 */
export function barlinesOf({ timing, objects }: Beatmap, end: number): number[] {
  const start = Math.min(0, objects[0]?.time ?? 0);
  const lines: number[] = [];
  timing.red.forEach((red, i) => {
    const bar = beatMs(red) * red.meter;
    const until = timing.red[i + 1]?.time ?? end + 1 + bar;
    const skipped = red.time > start ? 0 : Math.ceil((start - red.time) / bar);
    const first = red.time + (skipped + (red.omitBarline ? 1 : 0)) * bar;
    for (let n = 0, at = first; at <= until + 1e-3 && lines.length < mostBarlines; n++, at = first + n * bar)
      lines.push(at);
  });
  return lines;
}

/** Stretches that the map marks as its climax. */
export function kiaiOf({ timing }: Beatmap, end: number): [start: number, end: number][] {
  const stretches: [number, number][] = [];
  let since: number | null = null;
  for (const { line } of timing.sections) {
    if (line.kiai) since ??= line.time;
    else if (since !== null) {
      stretches.push([since, line.time]);
      since = null;
    }
  }
  if (since !== null) stretches.push([since, Math.max(since, end)]);
  return stretches.filter(([from, to]) => to > from);
}
