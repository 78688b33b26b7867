// How close the generator's rhythm comes to people's, with people's own timing: F1 of hit times, beside trivial baselines and people themselves.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeMap } from '../../dist/worker/engines/builtin/generate.js';
import { analyseSong } from '../../dist/worker/engines/builtin/song.js';
import { layGrid, phaseOf, readChart } from './chart.mjs';
import { f1, merged, rhythmOf, ticks } from './hits.mjs';
import { listen } from './listen.mjs';
import { againstSong } from './metrics/song.mjs';
import { median, share } from './numbers.mjs';
import { osuLagMs } from './references.mjs';
import { cell, figure, line, tableHead } from './report.mjs';
import { chartsOf } from './songs.mjs';

const tolerances = [10, 20];
/** Below this many stars a chart is a sparse one (Easy, Normal). */
const denseFrom = 3.3;
/** Charts of like density, for the comparison of people with people. */
const likeDensity = 1.3;
/** Objects a second of a standard map by stars, and back: a chart without stars is compared with a map of its density. */
const starsOfDensity = (perSecond) => Math.min(8, Math.max(1, (perSecond + 0.04) / 0.77));

/** Lines of the rhythm part for the songs. `humans`: the folder of human maps, or undefined. */
export async function rhythmReport(songs, folder, humans) {
  const [records, failed] = [[], []];
  for (const song of songs) {
    const made = await rhythmRecords(song, folder, humans).catch((error) => {
      failed.push(`not compared: ${song.id}: ${error.code ?? error.message}`);
      return [];
    });
    records.push(...made);
  }
  const people = await peopleAmongThemselves(songs, folder, humans);
  const from = new Set(records.map(({ song }) => song)).size;
  const title = `Rhythm with people's timing: ${records.length} charts of ${from} songs; people: ${people.pairs} pairs of charts`;
  if (records.length === 0) return [tableHead(title), ...failed];
  return [tableHead(title), ...failed, ...rhythmRows(records, people).map(line), ...songLines(records)];
}

/**
 * Compares every human chart of a song with a map of the same timing, of its mode (standard for step charts) and its stars, or its density
 * where it has none. Records: { song, chart, mode, stars, dense, count (heads made for one of people's), heads and all (heads and ends): F1
 * by tolerance and `baseline`, the better trivial map's; `all` only for standard charts, as others have few ends; made, human: figures
 * against the song's sound }. A song whose timing is known not to sit on its sound gives none.
 */
async function rhythmRecords(song, songsFolder, humans) {
  const charts = await chartsOf(song, songsFolder, humans);
  if (charts.length === 0 || song.verified === false) return [];
  // The generator listens where osu! would have it: a map's times lie `osuLagMs` before their sound, other games' charts on it.
  const aheadMs = osuLagMs - (song.onset_lag_ms ?? osuLagMs);
  const earlier = (times) => times.map((time) => time - aheadMs);
  const truth = song.truth.map((point) => ({ ...point, offset_ms: point.offset_ms - aheadMs }));
  const timing = {
    points: truth.map(({ bpm, offset_ms: offset, meter }) => ({ bpm, offsetMs: Math.round(offset), meter })),
  };
  const bytes = await readFile(join(songsFolder, song.path));
  const [heard, audio] = [await analyseSong(bytes, timing), await listen(bytes)];
  const grid = layGrid(truth.map(({ bpm, offset_ms: time, meter }) => ({ time, beatMs: 60_000 / bpm, meter })));
  return charts.map((written) => {
    const human = { ...written, heads: earlier(written.heads), ends: earlier(written.ends) };
    const perSecond = human.heads.length / ((human.heads.at(-1) - human.heads[0]) / 1000);
    const stars = human.stars ?? starsOfDensity(perSecond);
    const params = { ...timing, gamemode: human.mode ?? 0, difficulty: Math.round(stars * 100) / 100, seed: 1 };
    if (human.mode === 3) params.keycount = human.chart.keys;
    const chart = readChart(makeMap(heard, { filename: basename(song.path) }, params).text);
    return {
      song: song.id,
      chart: human.name,
      mode: human.mode,
      stars,
      dense: stars >= denseFrom,
      ...compare(rhythmOf(chart), human, grid),
      made: {
        ...againstSong(chart, audio, osuLagMs),
        ...phases(
          chart.objects.map(({ time }) => time),
          grid,
        ),
      },
      human: {
        ...againstSong(human.chart ?? stepChart(human.heads, grid), audio, osuLagMs),
        ...phases(human.heads, grid),
      },
    };
  });
}

/** Shares of heads on beats, half-beats and quarters. */
const phases = (heads, grid) =>
  Object.fromEntries(
    ['beat', 'half', 'quarter'].map((name) => [name, share(heads, (time) => phaseOf(grid.at(time)) === name)]),
  );

/** As much of a chart as the figures against the sound read. */
const stepChart = (heads, grid) => ({
  grid,
  first: heads[0],
  last: heads.at(-1),
  objects: heads.map((time) => ({ time, kind: 'circle' })),
});

function compare(made, human, grid) {
  const scores = (found, truth) => ({
    ...Object.fromEntries(tolerances.map((ms) => [ms, f1(inRange(found, human.heads), truth, ms)])),
    baseline: Math.max(...[1, 0.5].map((step) => f1(ticks(grid, step, truth), truth, 20))),
  });
  return {
    heads: scores(made.heads, human.heads),
    ...(human.mode === 0 ? { all: scores(merged(made), merged(human)) } : {}),
    count: inRange(made.heads, human.heads).length / human.heads.length,
  };
}

/** Where a chart begins and ends is not rhythm: what lies outside of the human one is left out. */
const inRange = (times, human) => times.filter((time) => time >= human[0] - 50 && time <= human.at(-1) + 50);

/** F1 at ±20 ms of pairs of charts of one song with like density: medians of heads, and of heads and ends, with the number of pairs. */
async function peopleAmongThemselves(songs, songsFolder, humans) {
  const pairs = [];
  for (const song of songs) {
    const charts = await chartsOf(song, songsFolder, humans);
    charts.forEach((one, i) =>
      charts.slice(i + 1).forEach((other) => {
        const ratio = one.heads.length / other.heads.length;
        if (Math.max(ratio, 1 / ratio) > likeDensity) return;
        const withEnds = one.mode === 0 && other.mode === 0;
        pairs.push({ heads: f1(one.heads, other.heads, 20), all: withEnds ? f1(merged(one), merged(other), 20) : NaN });
      }),
    );
  }
  const middle = (name) => median(pairs.map((pair) => pair[name]));
  return { pairs: pairs.length, heads: middle('heads'), all: middle('all') };
}

/** Rows of A7, and of A6, A10 and A11 as far as the same maps and charts speak to them. */
function rhythmRows(records, people) {
  const dense = records.filter((record) => record.dense);
  const sparse = records.filter((record) => !record.dense);
  const full = records.filter((record) => record.all);
  const middle = (list, of) => median(list.map(of));
  const gain = ({ heads }) => heads[20] - heads.baseline;
  const row = (id, what, goal, overall, recorded = '', live = NaN) => ({
    id,
    what,
    goal,
    overall,
    people: recorded,
    live: figure(live),
  });
  const sound = (id, what, name, recorded) =>
    row(
      id,
      what,
      undefined,
      middle(records, ({ made }) => made[name]),
      recorded,
      middle(records, ({ human }) => human[name]),
    );
  return [
    row(
      'A7',
      `heads, ±20 ms, ≥ ${denseFrom}★ (${dense.length})`,
      0.68,
      middle(dense, ({ heads }) => heads[20]),
      '.75–.84',
      people.heads,
    ),
    row(
      'A7',
      `heads, ±20 ms, below (${sparse.length})`,
      0.5,
      middle(sparse, ({ heads }) => heads[20]),
    ),
    row(
      'A7',
      'heads, ±10 ms, all',
      undefined,
      middle(records, ({ heads }) => heads[10]),
    ),
    row(
      'A7',
      `heads and ends, ±20 ms, standard (${full.length})`,
      0.8,
      middle(full, ({ all }) => all[20]),
      '.90–.92',
      people.all,
    ),
    row(
      'A7',
      'heads and ends, ±10 ms, standard',
      undefined,
      middle(full, ({ all }) => all[10]),
    ),
    row('A7', `heads over the best baseline, ≥ ${denseFrom}★`, 0.03, middle(dense, gain)),
    row('A7', 'heads over the best baseline, below', -0.03, middle(sparse, gain)),
    row(
      'A7',
      'heads over the best baseline, worst song',
      -0.03,
      Math.min(...bySong(records).map((list) => middle(list, gain))),
    ),
    row(
      'A7',
      'heads and ends over the best baseline',
      undefined,
      middle(full, ({ all }) => all[20] - all.baseline),
    ),
    ...['beat', 'half', 'quarter'].map((name) => sound('A7', `share of heads on: ${name}`, name, '')),
    row(
      'A6',
      "heads within 10 ms of an onset less people's",
      -0.03,
      middle(records, ({ made, human }) => made.onset10 - human.onset10),
    ),
    sound('A6', 'heads within 10 ms of an onset', 'onset10', '.67–.99'),
    sound('A6', 'heads within 30 ms of an onset', 'onset30', '.86–1'),
    sound('A10', 'density follows the music (Spearman)', 'dynamics', '.3–.7'),
    sound('A11', 'bars that sound alike: likeness of rhythm', 'repeatLikeness', ''),
  ];
}

const bySong = (records) =>
  [...new Set(records.map(({ song }) => song))].map((song) => records.filter((record) => record.song === song));

/** One line a song: medians over its charts. */
function songLines(records) {
  const head = `${cell('song', 44)}${cell('charts', 7)}   heads baseline  gain   count   ends baseline`;
  const lines = bySong(records).map((list) => {
    const middle = (of, width) => figure(median(list.map(of)), 2, width);
    const [one] = list;
    const heads = [({ heads }) => heads[20], ({ heads }) => heads.baseline, ({ heads }) => heads[20] - heads.baseline];
    const ends = [({ all }) => all?.[20] ?? NaN, ({ all }) => all?.baseline ?? NaN];
    const cells = [...heads, ({ count }) => count, ...ends].map((of) => middle(of, 8)).join('');
    return `${cell(one.song, 44)}${cell(list.length, 7)}${cells}`;
  });
  return [head, ...lines];
}
