import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';

/** A shower of bananas. */
export interface Shower {
  start: Tick;
  end: Tick;
  /** Times between which (both not included) there is no other object. */
  from: number;
  until: number;
}

/** Least ms before and after a shower, by level (ranking criteria). */
const gaps: readonly (readonly [before: number, after: number])[] = [
  [250, 250],
  [250, 250],
  [125, 250],
  [125, 125],
  [62, 125],
  [62, 125],
];
const shortestMs = 450;
/** One for each so much of the song, and one more; four at most. */
const everyMs = 75_000;
const mostShowers = 4;
const apartMs = 15_000;
/** Fewer events than this are no song that could spare some. */
const fewestEvents = 24;

/**
 * Showers in the last bar before a section that differs most from the one before it, and where no section changes at the end
 * of the map. They end in time for the new section's first beat.
 */
export function planShowers(events: RhythmEvent[], { grid, structure }: Score, plan: Plan): Shower[] {
  const [first, last] = [events[0]?.tick, events.at(-1)?.tick];
  if (!first || !last || events.length < fewestEvents) return [];
  const wanted = showerCount(last.time - first.time, plan);
  const { sections } = structure;
  const turns = sections.flatMap((section, i) => {
    const before = sections[i - 1];
    if (!before) return [];
    const contrast = Math.abs(section.intensity - before.intensity) + (section.kiai === before.kiai ? 0 : 0.4);
    return [{ bar: section.firstBar, contrast }];
  });
  turns.sort((a, b) => b.contrast - a.contrast || a.bar - b.bar);
  const position = new Map(grid.ticks.map((tick, i) => [tick.index, i]));
  const downbeats = new Map<number, Tick>();
  for (const tick of grid.ticks) if (!downbeats.has(tick.bar)) downbeats.set(tick.bar, tick);
  const before = (next: Tick | undefined) =>
    next ? showerBefore(next, position.get(next.index)!, grid.ticks, plan.level) : null;
  const showers: Shower[] = [];
  const add = (shower: Shower | null) => {
    if (!shower || shower.from < first.time || shower.until > last.time + 4 * last.tempo.beatMs) return;
    if (showers.some(({ start }) => Math.abs(start.time - shower.start.time) < apartMs)) return;
    showers.push(shower);
  };
  for (const { bar } of turns) {
    if (showers.length >= wanted) break;
    add(before(downbeats.get(bar)));
  }
  for (let bar = last.bar + 1; showers.length === 0 && bar > first.bar; bar -= 1) {
    add(before(downbeats.get(bar) ?? last));
  }
  return showers;
}

function showerCount(lengthMs: number, { style }: Plan): number {
  const usual = Math.min(mostShowers, 1 + Math.floor(lengthMs / everyMs));
  return style.spinners > 0 ? Math.ceil(usual * (1 + 1.5 * style.spinners)) : style.spinners < 0 ? 1 : usual;
}

/** Half a bar of bananas, or more where that is short, that leaves room for an object on `next`, which is tick number `at`. */
function showerBefore(next: Tick, at: number, ticks: readonly Tick[], level: number): Shower | null {
  const [before, after] = gaps[level]!;
  const onBeat = (tick: Tick) => tick.phase < 2;
  let i = at - 1;
  const inTempo = () => i > 0 && ticks[i]!.tempo === next.tempo;
  while (inTempo() && (next.time - ticks[i]!.time < after + 1 || !onBeat(ticks[i]!))) i -= 1;
  const end = ticks[i];
  if (!end || end.tempo !== next.tempo) return null;
  const longMs = Math.max(shortestMs, (end.tempo.meter / 2) * end.tempo.beatMs - (next.time - end.time));
  while (inTempo() && (end.time - ticks[i]!.time < longMs || ticks[i]!.phase !== 0)) i -= 1;
  const start = ticks[i];
  if (!start || start.tempo !== end.tempo || end.time - start.time < shortestMs) return null;
  return { start, end, from: start.time - before - 1, until: end.time + after };
}
