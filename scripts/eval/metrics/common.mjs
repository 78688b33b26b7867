// What is measured in every mode: density, snap, gaps, phases, repetition, combos, kiai, hitsounds.
import { nearest, phaseOf } from '../chart.mjs';
import { deviation, mean, median, quantile, share, sum } from '../numbers.mjs';

/** Divisors of a beat that a ranked map may use; they cover 1, 2, 3, 4, 6 and 8 (ranking criteria). */
const legalDivisors = [16, 12, 9, 7, 5];
const gapNames = { 0.25: 'quarter', 0.5: 'half', 1: 'whole', 1.5: 'threeHalf', 2: 'double' };
const windowBeats = 8;

/** What every mode has. Shares are 0 to 1, rates are per second of drain or per minute where named so. */
export function measureCommon(chart) {
  const heads = [...new Set(chart.objects.map(({ time }) => time))];
  const edges = chart.objects.flatMap((object) => object.edges);
  const times = chart.objects.flatMap(edgeTimes);
  const seconds = chart.drainMs / 1000;
  return {
    seconds,
    objects: chart.objects.length,
    objectsPerSecond: chart.objects.length / seconds,
    rowsPerSecond: heads.length / seconds,
    eventsPerSecond: new Set(times.map(Math.round)).size / seconds,
    ...snapErrors(chart, times),
    gaps: gapShares(chart, heads),
    phases: phaseShares(chart, heads),
    densityCv: densityVariation(chart, heads),
    ...barRepetition(chart, heads),
    ...combos(chart),
    ...kiaiUse(chart),
    ...additions(chart, edges),
  };
}

/** Times at which an object can be heard: head, reverses, end. */
const edgeTimes = ({ kind, time, end, edges }) =>
  kind === 'slider' ? edges.map((edge) => edge.time) : end > time ? [time, end] : [time];

/** Distance of each edge to the nearest legal tick; osu! floors ticks to whole ms, so the floored one counts too. */
function snapErrors({ grid }, times) {
  const errors = times.map((time) => {
    const { beat, beatMs } = grid.at(time);
    const errorAt = (divisor) => {
      const tick = time + (Math.round(beat * divisor) / divisor - beat) * beatMs;
      return Math.min(Math.abs(time - tick), Math.abs(time - Math.floor(tick)));
    };
    return Math.min(...legalDivisors.map(errorAt));
  });
  return { unsnapped: errors.filter((error) => error >= 2).length, snapUnder1: share(errors, (error) => error < 1) };
}

/** Shares of the gaps between neighbouring heads, by length in beats. */
function gapShares({ grid }, heads) {
  const found = heads.slice(1).map((time, i) => {
    const { beatMs } = grid.at(heads[i]);
    return gapNames[nearest((time - heads[i]) / beatMs, beatMs, [0.25, 0.5, 1, 1.5, 2])] ?? 'other';
  });
  return Object.fromEntries(
    [...Object.values(gapNames), 'other'].map((name) => [name, share(found, (gap) => gap === name)]),
  );
}

function phaseShares({ grid }, heads) {
  const found = heads.map((time) => phaseOf(grid.at(time)));
  return Object.fromEntries(
    ['beat', 'half', 'quarter', 'other'].map((name) => [name, share(found, (at) => at === name)]),
  );
}

/** Heads in each stretch of eight beats from the first, breaks too: [{ from, to, count }]. */
export function densityWindows({ grid, first, last }, heads) {
  const windows = [];
  let next = 0;
  for (let from = first; ;) {
    const to = from + windowBeats * grid.at(from).beatMs;
    if (to > last + 1) return windows;
    const start = next;
    while (next < heads.length && heads[next] < to - 1) next += 1;
    windows.push({ from, to, count: next - start });
    from = to;
  }
}

function densityVariation(chart, heads) {
  const counts = densityWindows(chart, heads).map(({ count }) => count);
  return counts.length >= 4 ? deviation(counts) / mean(counts) : NaN;
}

/** Rhythm of each bar that has a head, in order: { bar, mask } where the mask lists quarter-beat slots. */
export function barMasks({ grid }, heads) {
  const bars = new Map();
  for (const time of heads) {
    const { bar, barBeat } = grid.at(time);
    bars.set(bar, [...(bars.get(bar) ?? []), Math.round(barBeat * 4)]);
  }
  return [...bars].map(([bar, slots]) => ({ bar, mask: [...new Set(slots)].join(' ') }));
}

function barRepetition(chart, heads) {
  const bars = barMasks(chart, heads);
  const seen = new Set();
  let [again, previous] = [0, 0];
  bars.forEach(({ bar, mask }, i) => {
    if (seen.has(mask)) again += 1;
    if (bars[i - 1]?.bar === bar - 1 && bars[i - 1].mask === mask) previous += 1;
    seen.add(mask);
  });
  return { barAgain: again / bars.length, barPrevious: previous / bars.length, barUnique: seen.size / bars.length };
}

/** Combos as lists of objects. A spinner always ends one. */
export function comboLists({ objects }) {
  const lists = [];
  for (const object of objects) {
    if (object.newCombo || object.kind === 'spinner' || lists.length === 0) lists.push([]);
    lists.at(-1).push(object);
  }
  return lists;
}

function combos(chart) {
  if (chart.mode === 1 || chart.mode === 3) return {};
  const lists = comboLists(chart).filter(([first]) => first.kind !== 'spinner');
  const starts = lists.map(([first]) => chart.grid.at(first.time));
  const lengths = lists.map((list) => list.length);
  return {
    comboMedian: median(lengths),
    comboP90: quantile(lengths, 0.9),
    comboOnDownbeat: share(starts, ({ barBeat, beatMs, meter }) => nearest(barBeat, beatMs, [0, meter]) !== undefined),
    comboOnBeat: share(starts, (place) => phaseOf(place) === 'beat'),
  };
}

function kiaiUse({ kiai, grid, first, last, drainMs }) {
  const inside = kiai.map(([from, to]) => Math.max(0, Math.min(to, last) - Math.max(from, first)));
  const places = kiai.map(([from]) => grid.at(from));
  return {
    kiaiShare: sum(inside) / drainMs,
    kiaiSections: kiai.length,
    kiaiOnDownbeat: share(places, ({ barBeat, beatMs, meter }) => nearest(barBeat, beatMs, [0, meter]) !== undefined),
  };
}

function additions(chart, edges) {
  if (chart.mode === 1) return {};
  const place = ({ time }) => chart.grid.at(time);
  const withBit = (bit) => edges.filter(({ bits }) => bits & bit);
  const on = (wanted) => (edge) => {
    const { barBeat, beatMs } = place(edge);
    return nearest(barBeat, beatMs, wanted) !== undefined;
  };
  return {
    additionShare: share(edges, ({ bits }) => bits !== 0),
    whistleShare: share(edges, ({ bits }) => (bits & 2) !== 0),
    finishShare: share(edges, ({ bits }) => (bits & 4) !== 0),
    clapShare: share(edges, ({ bits }) => (bits & 8) !== 0),
    clapsOn24: share(withBit(8), on([1, 3])),
    finishesOn1: share(withBit(4), on([0])),
    additionGap: longestBare(chart, edges),
  };
}

/** Longest stretch without an addition, s, breaks taken out. */
function longestBare({ first, last, breaks }, edges) {
  const marks = [first, ...edges.filter(({ bits }) => bits !== 0).map(({ time }) => time), last];
  const lengths = marks.slice(1).map((to, i) => {
    const rest = breaks.map(([a, b]) => Math.max(0, Math.min(b, to) - Math.max(a, marks[i])));
    return to - marks[i] - sum(rest);
  });
  return Math.max(0, ...lengths) / 1000;
}
