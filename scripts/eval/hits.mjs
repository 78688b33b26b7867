// A rhythm as times: of a chart, of a trivial map, and how well two agree.

/** A chart's rhythm: times that are hit (heads) and times at which something ends or turns (ends). Spinners have neither. */
export function rhythmOf({ objects }) {
  const kept = objects.filter(({ kind }) => kind !== 'spinner');
  const ends = kept.flatMap(({ kind, end, edges }) =>
    kind === 'slider' ? edges.slice(1).map(({ time }) => time) : kind === 'hold' ? [end] : [],
  );
  const sorted = (times) => [...new Set(times.map((time) => Math.round(time * 10) / 10))].sort((a, b) => a - b);
  return { heads: sorted(kept.map(({ time }) => time)), ends: sorted(ends) };
}

/** Heads and ends together, sorted. */
export const merged = ({ heads, ends }) => [...new Set([...heads, ...ends])].sort((a, b) => a - b);

/** Every `step` beats of a grid from the first to the last of the times. */
export function ticks(grid, step, times) {
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
