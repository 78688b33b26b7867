import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { RhythmEvent } from '../rhythm/rhythm.ts';
import type { Manner } from './manner.ts';

export interface SpinnerSpan {
  start: Tick;
  end: Tick;
}

/** Guidelines in beats of the grid and, with a fifth to spare, the ranking criteria's ms, for Easy to Expert+. */
const lengthBeats = [4, 4, 3, 3, 3, 3];
const lengthMs = [1250, 1000, 800, 700, 700, 700];
const recoveryBeats = [4, 2, 1, 1, 1, 1];
const recoveryMs = [1250, 650, 350, 250, 200, 200];
const longestBeats = 8;
const songPerSpinnersMs = 90_000;
/** Spinners of a map lie at least this far apart. */
const apartMs = 40_000;
/** The events that a spinner and its recovery push aside must be this much rarer than they are on average. */
const thinness = 0.55;
/** What speaks for a spinner that ends where a section begins. */
const bestTurn = 0.3;

/**
 * Where the song holds a sound or waits for its next section: spans of three to eight beats that end on a beat and push aside far fewer
 * events than the song has elsewhere. The events they leave.
 */
export function findSpinners(
  events: RhythmEvent[],
  { grid, structure }: Score,
  plan: Plan,
  manner: Manner,
): { spinners: SpinnerSpan[]; events: RhythmEvent[] } {
  const first = events[0]?.tick;
  const last = events.at(-1)?.tick;
  if (!first || !last || last.time - first.time < songPerSpinnersMs / 3) return { spinners: [], events };
  const most = Math.min(4, Math.round((manner.spinners * (last.time - first.time)) / songPerSpinnersMs));
  const perMs = events.length / (last.time - first.time);
  const beats = grid.ticks.filter(({ phase }) => phase === 0);
  const position = new Map(beats.map((tick, i) => [tick.index, i]));
  const sectionStarts = new Set(structure.sections.map(({ firstBar }) => firstBar));
  const found: { span: SpinnerSpan; from: number; to: number; cost: number }[] = [];
  events.forEach(({ tick: start }, from) => {
    const at = position.get(start.index);
    if (at === undefined || from < 4) return;
    for (let length = lengthBeats[plan.level]!; length <= longestBeats; length += 1) {
      const end = beats[at + length];
      if (!end || end.tempo !== start.tempo) break;
      if (end.time - start.time < Math.max(lengthMs[plan.level]!, shortestMs(plan.od))) continue;
      const free = end.time + Math.max(recoveryMs[plan.level]!, recoveryBeats[plan.level]! * end.tempo.beatMs) - 1;
      const usual = perMs * (free - start.time);
      // Too much happens here, whatever speaks for it.
      const tooMany = events[from + 2 + Math.ceil((thinness + bestTurn) * usual)];
      if (tooMany && tooMany.tick.time < free) break;
      let to = from;
      while (to < events.length && events[to]!.tick.time < free) to += 1;
      const atTurn = sectionStarts.has(end.bar) && end.place === 0 ? bestTurn : end.place === 0 ? 0.1 : 0;
      const silent = start.strength < 0.3 ? 1 : 0;
      found.push({ span: { start, end }, from, to, cost: (to - from - 1) / usual - atTurn + silent - 0.01 * length });
    }
  });
  found.sort((a, b) => a.cost - b.cost || a.from - b.from || a.to - b.to);
  const chosen: typeof found = [];
  for (const spinner of found) {
    if (chosen.length >= most || spinner.cost > thinness) break;
    const apart = chosen.every(({ span }) => Math.abs(span.start.time - spinner.span.start.time) >= apartMs);
    if (apart) chosen.push(spinner);
  }
  chosen.sort((a, b) => a.from - b.from);
  return {
    spinners: chosen.map(({ span }) => span),
    events: events.filter((_, i) => !chosen.some(({ from, to }) => i >= from && i < to)),
  };
}

/** What can be spun at all at an overall difficulty. */
const shortestMs = (od: number) => 1.15 * (od >= 5 ? 500 + 20 * (od - 5) : 500 - 21.8 * (5 - od));
