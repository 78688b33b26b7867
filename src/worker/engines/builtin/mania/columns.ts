import type { Score } from '../compose.ts';
import type { Tick } from '../hearing/grid.ts';
import type { Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import { rootOf } from '../hearing/structure.ts';
import { fastestJackMs, jackBeatMs, type Row } from './rows.ts';

/** What the search remembers of the rows before. */
interface Hands {
  /** Time each column was last pressed, ms. */
  pressed: number[];
  /** Presses by column. */
  uses: number[];
  /** Share of the presses that each column is to have, about 1 / keys. */
  shares: number[];
  total: number;
  /** Presses to come. */
  left: number;
  /** Columns of the last rows, the newest first. */
  rows: number[][];
  /** Single notes so far that go back and forth. */
  trill: number;
}

const never = 100;
/** So many times as many presses as there are keys are to come when empty columns must be taken. */
const lastChance = 2;
const balance = 0.3;
const noise = 1.2;
const reuse = 2;
/** The higher the rating, the more stairs: 11 to 25 % of three single notes in a row. */
const stairsByStar = 0.25;
/** A few notes back and forth are as common (14 to 27 %), long trills are not. */
const trills = { liking: 0.5, weariness: 0.15 };
/** By how much the columns of a map differ in use: standard deviation over mean, which people have at 0.04 to 0.1. */
const unevenness = [0.035, 0.08] as const;
const contour = 0.8;
const otherHand = 0.35;

/**
 * The columns of each row, ascending. Each note takes the cheapest column: costs are for jacks, for columns used more than the others,
 * long trills and chords in one hand; stairs, the side that the melody is on (low left, high right) and what the bar played before that sounds alike (every second time
 * mirrored) are cheaper. All costs look back, so nothing is gained by searching ahead.
 */
export function chooseColumns(rows: readonly Row[], score: Score, plan: Plan, random: Random): number[][] {
  const keys = plan.cs;
  const left = rows.reduce((sum, { size }) => sum + size, 0);
  const zeros = () => new Array<number>(keys).fill(0);
  const hands: Hands = {
    pressed: zeros().fill(-Infinity),
    uses: zeros(),
    shares: sharesOf(keys, random),
    total: 0,
    left,
    rows: [],
    trill: 0,
  };
  const played = new Map<string, number[]>();
  const repeats = countRepeats(score);
  return rows.map((row) => {
    const { tick } = row;
    const root = rootOf(tick.bar, score.structure.twins);
    const key = `${root} ${tick.place}`;
    const mirrored = (repeats[tick.bar] ?? 0) % 2 === 1;
    const before = played.get(key)?.map((column) => (mirrored ? keys - 1 - column : column));
    const columns: number[] = [];
    while (columns.length < row.size) {
      let best = -1;
      let least = Infinity;
      for (let column = 0; column < keys; column += 1) {
        if (columns.includes(column)) continue;
        const drawn = noise * random('column', root, 12 * tick.place, column) - (before?.includes(column) ? reuse : 0);
        const cost = drawn + costOf(column, tick, columns, hands, plan);
        if (cost < least) [best, least] = [column, cost];
      }
      columns.push(best);
    }
    columns.sort((a, b) => a - b);
    if (!before) played.set(key, columns);
    press(columns, tick, hands);
    return columns;
  });
}

/** The share of the presses that each column is to have. */
function sharesOf(keys: number, random: Random): number[] {
  const [least, most] = unevenness;
  const drawn = Array.from({ length: keys }, (_, column) => random('column share', column) - 0.5);
  const mean = drawn.reduce((sum, value) => sum + value, 0) / keys;
  const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / keys);
  const spread = least + (most - least) * random('unevenness');
  return drawn.map((value) => (1 + (spread * (value - mean)) / deviation) / keys);
}

/** How often what a bar sounds like was heard before it. */
function countRepeats({ structure: { twins } }: Score): number[] {
  const heard = new Map<number, number>();
  return twins.map((_, bar) => {
    const root = rootOf(bar, twins);
    const times = heard.get(root) ?? 0;
    heard.set(root, times + 1);
    return times;
  });
}

function costOf(column: number, tick: Tick, chord: readonly number[], hands: Hands, plan: Plan): number {
  const { pressed, uses, shares, total, left, rows, trill } = hands;
  const keys = plan.cs;
  const beats = (tick.time - pressed[column]!) / jackBeatMs(tick.tempo);
  let cost =
    (tick.time - pressed[column]! < fastestJackMs(plan) ? never : jackCost(beats, plan)) +
    balance * (uses[column]! - total * shares[column]!);
  // No column stays empty, in the shortest map either.
  if (uses[column] === 0 && left <= lastChance * keys) cost -= never / 2;
  const [last, second] = rows;
  if (chord.length > 0) {
    const hand = handOf(column, keys);
    return cost + otherHand * chord.filter((other) => handOf(other, keys) === hand).length;
  }
  cost += contour * Math.abs(column / (keys - 1) - tick.pitch);
  if (last?.length === 1 && second?.length === 1) {
    const step = last[0]! - second[0]!;
    if (Math.abs(step) === 1 && column === last[0]! + step) cost -= stairsByStar * plan.stars;
    if (column === second[0]) cost += trills.weariness * trill - trills.liking;
  }
  return cost;
}

/** What a jack of half a beat costs in Easy and Normal; above, it is 0.5. */
const halfJacks = [1, 0.8];

/** Below 4 stars quarter jacks are as good as forbidden; half jacks are common in maps of all ratings above Normal. */
function jackCost(beats: number, { stars, level, style: { jacks } }: Plan): number {
  const liking = Math.max(0, jacks);
  const dislike = Math.max(0, -jacks);
  if (beats < 0.3) return stars < 4 ? 40 : 4 - 4 * liking + 8 * dislike;
  if (beats < 0.6) return (halfJacks[level] ?? 0.5) * (1 - liking) - liking + 3 * dislike;
  return beats < 1.1 ? 0.3 - liking : 0;
}

/** −1 left, 1 right, 0 the thumb's column in the middle. */
const handOf = (column: number, keys: number) => Math.sign(column - (keys - 1) / 2);

function press(columns: number[], { time }: Tick, hands: Hands): void {
  const [last, second] = hands.rows;
  const back = columns.length === 1 && last?.length === 1 && second?.length === 1 && columns[0] === second[0];
  hands.trill = back ? hands.trill + 1 : 0;
  hands.rows = [columns, ...hands.rows.slice(0, 1)];
  for (const column of columns) {
    hands.pressed[column] = time;
    hands.uses[column]! += 1;
  }
  hands.total += columns.length;
  hands.left -= columns.length;
}
