import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { rootOf } from '../hearing/structure.ts';
import { densestGaps, isWithin } from './notes.ts';

/** Share of kats in ranked maps: 46 to 50 %. */
const katShare = 0.48;
/** How often the colour changes from one note to the next, by their gap (a quarter, a half, more) and level, in 21 ranked maps. */
const changeRates: readonly (readonly [quarter: number, half: number, more: number])[] = [
  [0.2, 0.42, 0.7],
  [0.2, 0.42, 0.7],
  [0.2, 0.66, 0.67],
  [0.59, 0.65, 0.6],
  [0.58, 0.62, 0.64],
  [0.58, 0.62, 0.64],
];
/**
 * Share of kats on the first beat of the bar, which is the kick's, and on the second and fourth, which are the snare's, by level: medians of the
 * same maps, with one colour on two thirds of them from Futsuu on (people: 52 to 66 %).
 */
const metreShares: readonly (readonly [downbeat: number, backbeat: number])[] = [
  [0.2, 0.78],
  [0.36, 0.66],
  [0.36, 0.66],
  [0.36, 0.66],
  [0.36, 0.66],
  [0.36, 0.66],
];
const noise = 0.5;
const rounds = 12;

/**
 * Which notes are kats (rim): those with high attacks, on beats 2 and 4, where the melody rises. The threshold of each section
 * leaves 48 % of its notes kats; changes of colour, dons on the first beat and kats on the second and fourth are as frequent as in ranked maps, by a
 * Viterbi search whose prices are adjusted until they are.
 */
export function colourNotes(notes: readonly Tick[], score: Score, plan: Plan, random: Random): boolean[] {
  const heard = notes.map((tick, i) => katness(tick, notes[i - 1], score, random));
  const sections = sectionsOf(notes, score);
  const classes = notes.map((tick, i) => gapClass(notes[i - 1], tick));
  const wanted = changeRates[plan.level]!.map((rate) => styled(rate, plan));
  const prices = wanted.map((rate) => Math.log(rate / (1 - rate)));
  const metre = notes.map(metreOf);
  const leanings = [-0.7, 0.7, 0];
  const thresholds = sections.map((section) =>
    quantile(
      section.map((i) => heard[i]!),
      1 - katShare,
    ),
  );
  let [best, least] = [[] as boolean[], Infinity];
  for (let round = 0; round < rounds; round += 1) {
    const kats = search(
      notes.length,
      sections,
      (i, section) => heard[i]! + leanings[metre[i]!]! - thresholds[section]!,
      (i) => (mustMatch(notes[i - 1], notes[i]!, plan.level) ? -Infinity : prices[classes[i]!]!),
    );
    // Smaller steps by and by: in few notes one step may be too far each time.
    const step = 2 / (1 + 0.4 * round);
    let missed = 0;
    const miss = (share: number, count: number, all: number): number => {
      missed += Math.abs(share * all - count);
      return all > 0 ? step * (share - count / all) : 0;
    };
    for (const [gap, rate] of wanted.entries()) prices[gap]! += miss(rate, ...countChanges(kats, classes, gap));
    for (const [place, share] of metreShares[plan.level]!.entries()) {
      const members = kats.filter((_, i) => metre[i] === place);
      leanings[place]! += miss(share, members.filter(Boolean).length, members.length);
    }
    sections.forEach((section, number) => {
      thresholds[number]! -= miss(katShare, section.filter((i) => kats[i]).length, section.length);
    });
    // Where bars are all alike one step turns many notes at once, so the last round need not be the nearest.
    if (missed < least) [best, least] = [kats, missed];
  }
  return best;
}

function styled(rate: number, { style }: Plan): number {
  const scale = style.mono > 0 ? 1 - 0.6 * style.mono : 1;
  return Math.min(0.85, Math.max(0.05, rate * scale * (1 - 0.25 * Math.min(0, style.mono)) * (1 + 0.2 * style.alt)));
}

function katness(tick: Tick, before: Tick | undefined, { structure }: Score, random: Random): number {
  const { place, high, low } = tick;
  // Bars that sound alike are coloured alike: they draw the same number.
  const root = rootOf(tick.bar, structure.twins);
  const drawn = noise * (2 * random('colour', root, 12 * place) - 1);
  return Math.log1p(high) - Math.log1p(low) + contour * risen(before, tick) + drawn;
}

const contour = 0.35;

/** 0: the first beat of the song's bar; 1: its second or fourth; 2: any other place. A slow song's beat is its own, not the grid's. */
function metreOf({ time, tempo: { point } }: Tick): number {
  const beats = ((time + 1 - point.offsetMs) * point.bpm) / 60_000;
  const beat = Math.floor(beats);
  if (beats - beat > (2 * point.bpm) / 60_000) return 2;
  const inBar = ((beat % point.meter) + point.meter) % point.meter;
  return inBar === 0 ? 0 : inBar % 2 === 1 ? 1 : 2;
}

/** 1 where the melody rises by a quarter of its range or more, −1 where it falls so. */
const risen = (before: Tick | undefined, { pitch }: Tick) =>
  before ? Math.max(-1, Math.min(1, 4 * (pitch - before.pitch))) : 0;

function mustMatch(before: Tick | undefined, tick: Tick, level: number): boolean {
  const gap = densestGaps[level];
  return before !== undefined && gap !== undefined && isWithin(before, tick, gap);
}

/** Positions of the notes by section. */
function sectionsOf(notes: readonly Tick[], { structure }: Score): number[][] {
  const sections = structure.sections.map((): number[] => []);
  let section = 0;
  notes.forEach(({ bar }, i) => {
    while (section + 1 < sections.length && structure.sections[section + 1]!.firstBar <= bar) section += 1;
    sections[section]?.push(i);
  });
  return sections.filter((members) => members.length > 0);
}

/** 0: a quarter of a beat or nearer; 1: a half; 2: more, or the first note. */
function gapClass(before: Tick | undefined, tick: Tick): number {
  if (!before) return 2;
  const beats = (tick.time - before.time) / tick.tempo.beatMs;
  return beats < 0.3 ? 0 : beats < 0.6 ? 1 : 2;
}

function countChanges(
  kats: readonly boolean[],
  classes: readonly number[],
  gap: number,
): [changes: number, all: number] {
  let [changes, all] = [0, 0];
  for (let i = 1; i < kats.length; i += 1) {
    if (classes[i] !== gap) continue;
    all += 1;
    if (kats[i] !== kats[i - 1]) changes += 1;
  }
  return [changes, all];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

const emission = 1.4;

/** The best colours: what is heard against what the changes cost. Two states, exact. */
function search(
  count: number,
  sections: readonly (readonly number[])[],
  heard: (note: number, section: number) => number,
  change: (note: number) => number,
): boolean[] {
  const from: [don: boolean, kat: boolean][] = [];
  let [don, kat] = [0, 0];
  sections.forEach((section, number) => {
    for (const i of section) {
      const price = i === 0 ? 0 : change(i);
      const own = emission * heard(i, number);
      const fromKat: [boolean, boolean] = [kat + price > don, kat >= don + price];
      [don, kat] = [Math.max(don, kat + price) - own, Math.max(kat, don + price) + own];
      from[i] = fromKat;
    }
  });
  const kats = new Array<boolean>(count);
  let now = kat >= don;
  for (let i = count - 1; i >= 0; i -= 1) {
    kats[i] = now;
    now = from[i]![now ? 1 : 0];
  }
  return kats;
}
