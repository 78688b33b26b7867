// Measures of a found timing against a human one; the definitions are those of the tables that other tools were measured with.
// Timing is a list of points { offset_ms, bpm, meter }, each valid until the next, the first also before itself. Times in ms.

/** Tempi that a listener may take for the same: what Acc2 forgives. */
const ratios = [1, 2, 1 / 2, 3, 1 / 3, 3 / 2, 2 / 3, 4, 1 / 4, 4 / 3, 3 / 4];
const sameTempo = 0.005;

/** Beats of a timing in [from, to], with whether each begins a bar. A beat less than 20 ms before a new point gives way to it. */
export function beatsOf(points, [from, to]) {
  const beats = [];
  points.forEach((point, i) => {
    const beat = 60_000 / point.bpm;
    const start = i === 0 ? from : Math.max(from, point.offset_ms - 1e-6);
    const end = Math.min(to, (points[i + 1]?.offset_ms ?? Infinity) - 20);
    for (let n = Math.ceil((start - point.offset_ms) / beat - 1e-9); ; n += 1) {
      const time = point.offset_ms + n * beat;
      if (time > end) break;
      beats.push({ time, downbeat: ((n % point.meter) + point.meter) % point.meter === 0 });
    }
  });
  return beats;
}

/** The point in force longest in the range. */
export function mainPoint(points, [from, to]) {
  const length = (point, i) =>
    Math.min(to, points[i + 1]?.offset_ms ?? Infinity) - Math.max(from, i === 0 ? -Infinity : point.offset_ms);
  const byTempo = new Map();
  points.forEach((point, i) => {
    const seconds = Math.max(0, length(point, i));
    const sum = byTempo.get(point.bpm) ?? { point, seconds: 0 };
    byTempo.set(point.bpm, { ...sum, seconds: sum.seconds + seconds });
  });
  return [...byTempo.values()].sort((a, b) => b.seconds - a.seconds)[0].point;
}

/** Acc1, Acc2, and the error up to the ratio of Acc2 (null when no ratio fits). */
export function tempoErrors(found, human) {
  const ratio = ratios.find((factor) => Math.abs(found / (human * factor) - 1) < sameTempo);
  return {
    acc1: Math.abs(found / human - 1) < sameTempo,
    acc2: ratio !== undefined,
    dBpm: ratio === undefined ? null : Math.abs(found / ratio - human),
    exact: Math.abs(found - human) < 0.05,
  };
}

/** Signed distance of each true beat to the nearest found one (found − true). Both sorted. */
export function distances(human, found) {
  if (found.length === 0) return human.map(() => Infinity);
  let at = 0;
  return human.map((time) => {
    while (at + 1 < found.length && Math.abs(found[at + 1] - time) <= Math.abs(found[at] - time)) at += 1;
    return found[at] - time;
  });
}

/** Beat F-measure: hits within ± `tolerance`, each beat used once. */
export function fMeasure(human, found, tolerance = 70) {
  let [i, j, hits] = [0, 0, 0];
  while (i < human.length && j < found.length) {
    const apart = found[j] - human[i];
    if (Math.abs(apart) <= tolerance) [hits, i, j] = [hits + 1, i + 1, j + 1];
    else if (apart < 0) j += 1;
    else i += 1;
  }
  return human.length + found.length === 0 ? 0 : (2 * hits) / (human.length + found.length);
}

export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
export const mean = (list) => (list.length === 0 ? NaN : list.reduce((sum, value) => sum + value, 0) / list.length);

const startOfF = 5000;

/**
 * How beats that were found lie on those that people wrote, inside the song's range. `lag` is taken off the found ones first.
 * `downbeats` are the found times of bar starts.
 */
export function beatMeasures(song, foundBeats, lag = 0) {
  const [from, to] = [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
  const human = beatsOf(song.truth, [from, to]).map(({ time }) => time);
  const found = foundBeats.map((time) => time - lag);
  const apart = distances(human, found);
  const inside = (list) => list.filter((time) => time >= Math.max(from, startOfF) && time <= to);
  const near = found.filter((time) => time >= from - 70 && time <= to + 70);
  return {
    f70: fMeasure(inside(human), inside(near)),
    apart,
    med: median(apart.map(Math.abs)),
    within10: mean(apart.map((ms) => (Math.abs(ms) <= 10 ? 1 : 0))),
  };
}

/** Whether meter and bar starts are those of the human timing: at least half the bar starts are met within 70 ms. */
export function barMeasures(song, points, lag = 0) {
  const range = [Math.max(0, song.range_ms[0]), Math.min(song.range_ms[1], song.duration_s * 1000)];
  const starts = (timing) => beatsOf(timing, range).flatMap(({ time, downbeat }) => (downbeat ? [time] : []));
  const shifted = points.map((point) => ({ ...point, offset_ms: point.offset_ms - lag }));
  const human = starts(song.truth);
  const hits = distances(human, starts(shifted)).filter((ms) => Math.abs(ms) <= 70).length;
  return {
    meter: mainPoint(points, range).meter === mainPoint(song.truth, range).meter,
    downbeat: hits >= human.length / 2,
  };
}
