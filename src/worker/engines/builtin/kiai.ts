import type { Bar } from './bars.ts';
import type { Section } from './structure.ts';

/** Ranked maps have 12 to 26 % in the median, the ninth decile is 28 to 46 %; the rule of the field is at most 45. */
const greatestShare = 0.42;
const enoughShare = 0.22;
const mostRuns = 3;
const shortestBars = 8;
/** In shorter songs a kiai is a matter of taste. */
const shortestSongMs = 60_000;
/** What it is worth that a passage comes back: a chorus does. */
const repeatBonus = 0.2;

/** Neighbouring sections with one label. */
interface Run {
  firstBar: number;
  lastBar: number;
  intensity: number;
  label: number;
}

/**
 * The sections with the kiai marked, split where it covers only a part of one: the most intense passages, those that come back first,
 * one to three of at least eight bars, at most 42 % of the song.
 */
export function chooseKiai(sections: readonly Section[], bars: readonly Bar[]): Section[] {
  const total = (bars.at(-1)?.endMs ?? 0) - (bars[0]?.startMs ?? 0);
  const msOf = (firstBar: number, lastBar: number) => bars[lastBar]!.endMs - bars[firstBar]!.startMs;
  const runs = runsOf(sections, bars);
  const worth = (run: Run) => {
    const same = runs.filter(({ label }) => label === run.label);
    return mean(same.map(({ intensity }) => intensity)) + (same.length > 1 ? repeatBonus : 0);
  };
  const order = [...runs].sort((a, b) => worth(b) - worth(a) || b.intensity - a.intensity || a.firstBar - b.firstBar);
  const chosen: Run[] = [];
  let used = 0;
  for (const run of order) {
    if (chosen.length >= mostRuns || used >= enoughShare * total) break;
    if (chosen.length > 0 && run.intensity < 0.5) continue;
    const cut = shortened(run, (lastBar) => used + msOf(run.firstBar, lastBar) <= greatestShare * total);
    if (!cut) continue;
    chosen.push(cut);
    used += msOf(cut.firstBar, cut.lastBar);
  }
  const alone = new Set(sections.map(({ label }) => label)).size < 2 && total < shortestSongMs;
  return alone ? [...sections] : marked(sections, chosen);
}

/** Runs of whole bars: a song's first bar may lack its downbeat. */
function runsOf(sections: readonly Section[], bars: readonly Bar[]): Run[] {
  const runs: Run[] = [];
  for (const { firstBar, lastBar, label, intensity } of sections) {
    const before = runs.at(-1);
    const start = firstBar === 0 && !bars[0]!.whole ? 1 : firstBar;
    if (before?.label === label) {
      const [a, b] = [before.lastBar - before.firstBar + 1, lastBar - firstBar + 1];
      before.intensity = (before.intensity * a + intensity * b) / (a + b);
      before.lastBar = lastBar;
    } else if (start <= lastBar) runs.push({ firstBar: start, lastBar, intensity, label });
  }
  return runs;
}

/** The run, or its first multiple of four bars that fits; null where those are too few. */
function shortened(run: Run, fits: (lastBar: number) => boolean): Run | null {
  let length = run.lastBar - run.firstBar + 1;
  if (length >= shortestBars && fits(run.lastBar)) return run;
  for (length -= length % 4; length >= shortestBars; length -= 4)
    if (fits(run.firstBar + length - 1)) return { ...run, lastBar: run.firstBar + length - 1 };
  return null;
}

function marked(sections: readonly Section[], chosen: readonly Run[]): Section[] {
  const edges = chosen.flatMap(({ firstBar, lastBar }) => [firstBar, lastBar + 1]);
  return sections.flatMap((section) => {
    const cuts = [...new Set(edges)].filter((bar) => bar > section.firstBar && bar <= section.lastBar);
    const starts = [section.firstBar, ...cuts.sort((a, b) => a - b)];
    return starts.map((firstBar, i) => ({
      ...section,
      firstBar,
      lastBar: (starts[i + 1] ?? section.lastBar + 1) - 1,
      kiai: chosen.some((run) => run.firstBar <= firstBar && firstBar <= run.lastBar),
    }));
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
