import type { Bar } from './bars.ts';
import type { Section } from './structure.ts';

/** Ranked maps have 12 to 26 % in the median, the ninth decile is 28 to 46 %; the rule of the field is at most 45. */
const greatestShare = 0.42;
const enoughShare = 0.22;
const mostPassages = 3;
/** Lengths in bars; 16 is the usual one. */
const shortest = 8;
const usual = 16;
const longest = 40;
/** A passage that comes back is the chorus rather than a solo. */
const repeatBonus = 0.15;
/** A passage should end where a section does. */
const endBonus = 0.06;
/** By how much less a further passage may be worth than the best. */
const second = 0.2;

/** Bars this far below the song's middle are not played. */
const pauseDb = 15;

interface Passage {
  firstBar: number;
  /** The bar after its last. */
  end: number;
  worth: number;
}

/**
 * The sections with the kiai marked, split where it covers only a part of one: the most intense passages that begin with a section, those that come back
 * before others, one to three of at least eight bars, at most 42 % of the song.
 */
export function chooseKiai(
  sections: readonly Section[],
  intensity: readonly number[],
  bars: readonly Bar[],
): Section[] {
  const msOf = ({ firstBar, end }: Passage) => bars[end - 1]!.endMs - bars[firstBar]!.startMs;
  // Quiet bars have no notes, and the share is one of the time that is played.
  const loud = bars.map(({ level }) => level).sort((a, b) => a - b)[Math.floor(bars.length / 2)] ?? 0;
  const played = bars.filter(({ level }) => level > loud - pauseDb);
  const total = played.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  const order = passagesOf(sections, intensity, bars).sort((a, b) => b.worth - a.worth || a.firstBar - b.firstBar);
  const chosen: Passage[] = [];
  let used = 0;
  for (const passage of order) {
    if (chosen.length >= mostPassages || used >= enoughShare * total) break;
    if (used + msOf(passage) > greatestShare * total) continue;
    if (passage.worth < (chosen[0]?.worth ?? -Infinity) - second) break;
    if (chosen.some(({ firstBar, end }) => firstBar < passage.end && passage.firstBar < end)) continue;
    chosen.push(passage);
    used += msOf(passage);
  }
  return marked(sections, chosen);
}

/** All passages that could be one: from a section's first downbeat on, eight bars or more by four, or to a section's end, to a downbeat. */
function passagesOf(sections: readonly Section[], intensity: readonly number[], bars: readonly Bar[]): Passage[] {
  const ends = new Set(sections.map(({ lastBar }) => lastBar + 1));
  const repeated = sections.map((section, i) =>
    sections.some((other, j) => Math.abs(i - j) > 1 && other.label === section.label),
  );
  const value = sections.flatMap(({ firstBar, lastBar }, i) =>
    intensity.slice(firstBar, lastBar + 1).map((bar) => bar + (repeated[i] ? repeatBonus : 0)),
  );
  const passages: Passage[] = [];
  for (const section of sections) {
    let { firstBar } = section;
    while (firstBar < bars.length && !bars[firstBar]!.downbeat) firstBar += 1;
    let sum = 0;
    for (let end = firstBar + 1; end <= Math.min(bars.length, firstBar + longest); end += 1) {
      sum += value[end - 1]!;
      const length = end - firstBar;
      if (bars[end]?.downbeat === false) continue;
      if (length < shortest || (length % 4 !== 0 && !ends.has(end))) continue;
      const worth = sum / length + (ends.has(end) ? endBonus : 0) - 0.1 * Math.abs(Math.log2(length / usual));
      passages.push({ firstBar, end, worth: Math.round(worth * 1e6) / 1e6 });
    }
  }
  return passages;
}

function marked(sections: readonly Section[], chosen: readonly Passage[]): Section[] {
  const edges = chosen.flatMap(({ firstBar, end }) => [firstBar, end]);
  return sections.flatMap((section) => {
    const cuts = [...new Set(edges)].filter((bar) => bar > section.firstBar && bar <= section.lastBar);
    const starts = [section.firstBar, ...cuts.sort((a, b) => a - b)];
    return starts.map((firstBar, i) => ({
      ...section,
      firstBar,
      lastBar: (starts[i + 1] ?? section.lastBar + 1) - 1,
      kiai: chosen.some((passage) => passage.firstBar <= firstBar && firstBar < passage.end),
    }));
  });
}
