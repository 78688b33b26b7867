import { quantised, type Knobs, type Score } from '../compose.ts';
import type { Tempo, Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { evenness, rhythmWithPeaks } from '../peaks.ts';
import { rootOf } from '../hearing/structure.ts';
import { chooseRhythm } from '../rhythm/rhythm.ts';

/** Notes that are pressed together. */
export interface Row {
  tick: Tick;
  size: number;
}

/**
 * Rows and notes a second by stars: means over 115 community maps, from Hard on with a few rows fewer and more chords. People's own differ by a
 * quarter there, and the more rows, the fewer of them lie on an attack of the song.
 */
const table: readonly (readonly [stars: number, rows: number, notes: number])[] = [
  [1, 2, 2.1],
  [1.85, 3.4, 4],
  [2.15, 4, 5],
  [2.5, 5.1, 7.1],
  [3.2, 6.2, 9],
  [3.8, 7.3, 10.9],
  [4.3, 8.2, 12.6],
  [5, 8.5, 13.4],
  [6.4, 9.3, 15.4],
  [8, 10, 18.4],
];

/** Rows a second in the densest eight seconds: 1.4 + 2.5 S in the same maps, less what goes into chords. */
const densest = (stars: number) => 1.2 + 2.2 * stars;
/** In the emptiest tenth of the time, as a factor of the mean: 0.6 below 3 stars, 0.5 at 5, 0.34 at 6.5 in the same maps. */
const calmest = (stars: number) => Math.max(0.2, 0.95 - 0.1 * stars);
/** Shortest gap of rows off the ticks, ms: at 8 stars 900 / 25. */
const fastest = (stars: number) => Math.min(55, 900 / (2.3 + 2.9 * stars));

/**
 * Factor of the notes of a map. While the song is about as hard as others there are as many notes as the stars usually have, and `density` only
 * moves them into the peaks or out of them; beyond a factor of two in it there are more or fewer.
 */
function noteFactor(density: number): number {
  const doublings = Math.log2(density);
  return 2 ** (0.6 * Math.sign(doublings) * Math.max(0, Math.abs(doublings) - 1));
}
/** How much oftener chords stand where rows are dense, or rarer, by the density that the song needs. */
const crowding = (density: number) => Math.max(-2, 2 * Math.log(density));
const crowdMs = 1000;
/** What each further note of a chord costs in accent: gives the shares of chord sizes 52, 32, 9 and 1 % at 5 stars. */
const furtherNote = 0.6;
/** The same where chords are asked for, so that most of them are of two. */
const furtherNoteInStyle = 2;

/**
 * When notes are pressed and how many together: rhythm events with chords on the strongest accents, as many as maps of the
 * stars have, within what the level allows (M04, M11, M13, M14). `density` moves rows and chords into the peaks, `spacing` scales the rows outside
 * of them.
 */
export function formRows(score: Score, plan: Plan, { density, spacing }: Knobs, random: Random): Row[] {
  const { stars, cs: keys, style } = plan;
  const [rowsPerSecond, notesPerSecond] = usual(stars);
  const wanted = {
    mean: rowsPerSecond * Math.min(1, noteFactor(density)) * spacing * evenness(plan),
    // Every level may press two at a time: so many rows that no column stays empty (M03).
    least: Math.ceil(keys / 2) + 1,
    peak: densest(stars) * density,
    share: Math.max(1, density) ** 0.5,
    calm: calmest(stars),
    fastestMs: () => fastest(stars),
  };
  const rows = rhythmWithPeaks(score, plan, wanted, random).map(({ tick }): Row => ({ tick, size: 1 }));
  const seconds = chooseRhythm(score, plan, 1).length;
  const chords = (notesPerSecond - rowsPerSecond) * (1 + 0.6 * style.chords) * (1 - 0.4 * style.simple);
  const notes = Math.round((rowsPerSecond + chords) * noteFactor(density) * seconds);
  // As many notes as there are columns at least.
  const extra = Math.max(0, keys - rows.length, notes - rows.length);
  addChords(rows, extra, score, plan, random, crowding(density));
  return rows;
}

/** Of each row how many more are within a second than at a row on average, as a share of that. */
function crowdsOf(rows: readonly Row[]): number[] {
  let [first, end] = [0, 0];
  const counts = rows.map(({ tick: { time } }) => {
    while (rows[first]!.tick.time < time - crowdMs) first += 1;
    while (end < rows.length && rows[end]!.tick.time <= time + crowdMs) end += 1;
    return end - first;
  });
  const mean = counts.reduce((sum, count) => sum + count, 0) / Math.max(1, counts.length);
  return counts.map((count) => count / mean - 1);
}

function usual(asked: number): [rows: number, notes: number] {
  const stars = Math.min(asked, table.at(-1)![0]);
  const after = Math.max(
    1,
    table.findIndex(([bound]) => bound >= stars),
  );
  const [a, b] = [table[after - 1]!, table[after]!];
  const share = (stars - a[0]) / (b[0] - a[0]);
  return [a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])];
}

function addChords(rows: Row[], extra: number, score: Score, plan: Plan, random: Random, crowded: number): void {
  const most = Math.min(plan.cs, chordCaps[plan.level]![plan.cs >= 7 ? 1 : 0]);
  const advised = rows.map((row, i) => Math.min(most, advisedSize(rows[i - 1], row, rows[i + 1], plan)));
  const crowds = crowdsOf(rows);
  const accents = rows.map(({ tick }, i) => accent(tick, score, random) + crowded * crowds[i]!);
  const further = plan.style.chords > 0 ? furtherNoteInStyle : furtherNote;
  const wishes = rows
    .flatMap((_, i) => Array.from({ length: most - 1 }, (_, k) => ({ i, value: accents[i]! - k * further })))
    .sort((a, b) => quantised(b.value) - quantised(a.value) || a.i - b.i);
  let left = extra;
  const grant = (sizes: (i: number) => number, jackMs: (tempo: Tempo) => number) => {
    for (const { i } of wishes) {
      if (left === 0) return;
      const row = rows[i]!;
      if (row.size >= sizes(i) || forcesJack(rows, i, plan.cs, jackMs)) continue;
      row.size += 1;
      left -= 1;
    }
  };
  const fastestJack = fastestJackMs(plan);
  const noQuarters = (tempo: Tempo) => Math.max(quarter * jackBeatMs(tempo), fastestJack);
  grant((i) => advised[i]!, noQuarters);
  // What follows is for songs that are too slow for the stars: first such as force a column to be pressed twice in a row.
  const jackMs = plan.stars < 4 ? noQuarters : () => fastestJack;
  grant((i) => advised[i]!, jackMs);
  grant(() => most, jackMs);
}

const quarter = 0.3;
/** The beat whose quarters are too fast for jacks, ms: in a slow song, whose grid halves the beat, the song's own. */
export const jackBeatMs = ({ beatMs, point }: Tempo) => Math.max(beatMs, 60_000 / point.bpm);
/** Shortest gap of two notes in a column; where notes are long, one that has room for holding and letting go on the grid. */
export const fastestJackMs = ({ holdRatio }: Plan) => (holdRatio > 0.3 ? 90 : 60);

/** Whether one more note in a row leaves too few columns for it and the rows less than `jackMs` away. */
function forcesJack(rows: readonly Row[], i: number, keys: number, jackMs: (tempo: Tempo) => number): boolean {
  const { tick, size } = rows[i]!;
  return [-1, 1].some((step) => {
    let pressed = size + 1;
    for (let j = i + step; j >= 0 && j < rows.length; j += step) {
      if (Math.abs(rows[j]!.tick.time - tick.time) >= jackMs(tick.tempo)) break;
      pressed += rows[j]!.size;
    }
    return pressed > keys;
  });
}

/** Most notes in a chord (4 to 6 keys, 7 and more) by level. */
const chordCaps: readonly (readonly [number, number])[] = [
  [2, 2],
  [2, 3],
  [3, 4],
  [6, 6],
  [6, 6],
  [6, 6],
];

/** Largest chord inside of a run: a level has runs up to some gap in which there should be none. */
function advisedSize(before: Row | undefined, row: Row, after: Row | undefined, { level }: Plan): number {
  const gap = [1 / 2, 1 / 4, 1 / 4, 1 / 8][level];
  if (gap === undefined || !before || !after) return Infinity;
  const { time, tempo, phase } = row.tick;
  const inside = Math.max(time - before.tick.time, after.tick.time - time) <= gap * countedBeatMs(tempo) + 2;
  // In quarter streams of a Hard, chords are a beat apart.
  return inside && (level !== 2 || phase > 0) ? 1 : Infinity;
}

/** Beats as the ranking criteria count them: up to 90 BPM double, from 240 BPM on half. */
function countedBeatMs({ point: { bpm } }: Tempo): number {
  return (60_000 / bpm) * (bpm <= 90 ? 0.5 : bpm >= 240 ? 2 : 1);
}

function accent(tick: Tick, { structure }: Score, random: Random): number {
  const { bar, place, phase, low, mid, high, crash } = tick;
  const bands = [low, mid, high].reduce((sum, band) => sum + Math.min(1.5, band), 0);
  const metre = place === 0 ? 0.5 : phase === 0 ? 0.3 : phase === 1 ? 0.1 : -0.2;
  const noise = 0.5 * random('chord', rootOf(bar, structure.twins), 12 * place);
  return 0.35 * bands + crash + metre + 0.8 * (structure.intensity[bar] ?? 0) + noise;
}
