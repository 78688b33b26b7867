// How close the generator's rhythm comes to people's, with people's own timing: F1 of hit times, beside trivial baselines and people themselves.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { analyseSong, makeMap } from '../../dist/worker/engines/builtin/generate.js';
import { layGrid, readChart } from './chart.mjs';
import { median } from './numbers.mjs';
import { chartsOf, rhythmOf } from './songs.mjs';

const tolerances = [10, 20];
/** Below this many stars a chart is a sparse one (Easy, Normal). */
export const denseFrom = 3.3;
/** Charts of like density, for the comparison of people with people. */
const likeDensity = 1.3;
/** Objects a second of a standard map by stars, and back: a chart without stars is compared with a map of its density. */
const starsOfDensity = (perSecond) => Math.min(8, Math.max(1, (perSecond + 0.04) / 0.77));

/** F1 of two sorted lists of times; each time is matched once, within `tolerance` ms. */
export function f1(found, truth, tolerance) {
  let [i, j, hits] = [0, 0, 0];
  while (i < found.length && j < truth.length) {
    const apart = found[i] - truth[j];
    if (Math.abs(apart) <= tolerance) [i, j, hits] = [i + 1, j + 1, hits + 1];
    else if (apart < 0) i += 1;
    else j += 1;
  }
  return found.length + truth.length > 0 ? (2 * hits) / (found.length + truth.length) : NaN;
}

const merged = ({ heads, ends }) => [...new Set([...heads, ...ends])].sort((a, b) => a - b);

/** Every `step` beats of a grid from the first to the last of the times. */
function ticks(points, step, times) {
  const grid = layGrid(points);
  const [from, to] = [times[0], times.at(-1)];
  return grid.lines.flatMap(({ time, beatMs }, n) => {
    const start = n === 0 ? from : Math.max(from, time);
    const end = Math.min(to, (grid.lines[n + 1]?.time ?? Infinity) - 20);
    const list = [];
    for (let k = Math.ceil((start - time) / (beatMs * step) - 0.01); time + k * beatMs * step <= end + 1; k += 1) {
      list.push(time + k * beatMs * step);
    }
    return list;
  });
}

/**
 * Compares every human chart of a song with a map of the same timing, of its mode (standard for step charts) and its stars, or its density
 * where it has none. Records: { song, chart, stars, dense, heads and all (heads and ends): F1 by tolerance, and F1 of the better trivial
 * baseline for both }. A song whose timing is known not to sit on its sound gives none.
 */
export async function rhythmRecords(song, songsFolder, humans) {
  const charts = await chartsOf(song, songsFolder, humans);
  if (charts.length === 0 || song.verified === false) return [];
  const timing = {
    points: song.truth.map(({ bpm, offset_ms: offset, meter }) => ({ bpm, offsetMs: Math.round(offset), meter })),
  };
  const heard = await analyseSong(await readFile(join(songsFolder, song.path)), timing);
  const points = song.truth.map(({ bpm, offset_ms: time, meter }) => ({ time, beatMs: 60_000 / bpm, meter }));
  return charts.flatMap((chart) => {
    const perSecond = chart.heads.length / ((chart.heads.at(-1) - chart.heads[0]) / 1000);
    const stars = chart.stars ?? starsOfDensity(perSecond);
    const params = { ...timing, gamemode: chart.mode ?? 0, difficulty: Math.round(stars * 100) / 100, seed: 1 };
    if (chart.mode === 3) params.keycount = chart.chart.keys;
    const made = rhythmOf(readChart(makeMap(heard, { filename: basename(song.path) }, params).text));
    return [
      {
        song: song.id,
        chart: chart.name,
        stars,
        dense: stars >= denseFrom,
        perSecond,
        ...compare(made, chart, points),
      },
    ];
  });
}

function compare(made, human, points) {
  const [within, all] = [inRange(made.heads, human.heads), inRange(merged(made), merged(human))];
  const each = (found, truth) => Object.fromEntries(tolerances.map((ms) => [ms, f1(found, truth, ms)]));
  const best = (truth) => Math.max(...[1, 0.5].map((step) => f1(ticks(points, step, truth), truth, 20)));
  return {
    heads: each(within, human.heads),
    all: each(all, merged(human)),
    headsBaseline: best(human.heads),
    allBaseline: best(merged(human)),
    headsCount: within.length / human.heads.length,
  };
}

/** Where a chart begins and ends is not rhythm: what lies outside of the human one is left out. */
const inRange = (times, human) => times.filter((time) => time >= human[0] - 50 && time <= human.at(-1) + 50);

/** F1 at ±20 ms of pairs of charts of one song with like density: medians of heads, and of heads and ends, with the number of pairs. */
export async function peopleAmongThemselves(songs, songsFolder, humans) {
  const pairs = [];
  for (const song of songs) {
    const charts = await chartsOf(song, songsFolder, humans);
    charts.forEach((one, i) =>
      charts.slice(i + 1).forEach((other) => {
        const ratio = one.heads.length / other.heads.length;
        if (Math.max(ratio, 1 / ratio) > likeDensity) return;
        pairs.push({ heads: f1(one.heads, other.heads, 20), all: f1(merged(one), merged(other), 20) });
      }),
    );
  }
  return {
    pairs: pairs.length,
    heads: median(pairs.map(({ heads }) => heads)),
    all: median(pairs.map(({ all }) => all)),
  };
}

/** Rows of A7 from the records. */
export function rhythmRows(records, people) {
  const dense = records.filter((record) => record.dense);
  const sparse = records.filter((record) => !record.dense);
  const middle = (list, of) => median(list.map(of));
  const row = (what, goal, overall, recorded, live) => ({ id: 'A7', what, goal, overall, people: recorded, live });
  const gain = (list) => middle(list, ({ heads, headsBaseline }) => heads[20] - headsBaseline);
  return [
    row(
      `heads, ±20 ms, ≥ ${denseFrom}★ (${dense.length} charts)`,
      0.68,
      middle(dense, ({ heads }) => heads[20]),
      '.75–.84',
      people.heads,
    ),
    row(
      `heads, ±20 ms, below (${sparse.length} charts)`,
      0.5,
      middle(sparse, ({ heads }) => heads[20]),
      '',
      NaN,
    ),
    row(
      'heads, ±10 ms, all',
      undefined,
      middle(records, ({ heads }) => heads[10]),
      '',
      NaN,
    ),
    row(
      'heads and ends, ±20 ms, all',
      0.8,
      middle(records, ({ all }) => all[20]),
      '.90–.92',
      people.all,
    ),
    row(
      'heads and ends, ±10 ms, all',
      undefined,
      middle(records, ({ all }) => all[10]),
      '',
      NaN,
    ),
    row(`heads over the best baseline, ≥ ${denseFrom}★`, 0.03, gain(dense), '', NaN),
    row(
      'heads over the best baseline, below: worst',
      -0.03,
      Math.min(...sparse.map(({ heads, headsBaseline }) => heads[20] - headsBaseline)),
      '',
      NaN,
    ),
    row(
      'heads and ends over the best baseline',
      undefined,
      middle(records, ({ all, allBaseline }) => all[20] - allBaseline),
      '',
      NaN,
    ),
  ];
}
