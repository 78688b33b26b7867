/** The first of `count` indexes for which `test` holds (`count` when for none). It must hold for all after the first, for this halves. */
export function firstIndex(count: number, test: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last item that begins at or before a time, or the first of all before that. Items are in order. */
export function itemAt<T>(items: readonly T[], begin: (item: T) => number, time: number): T | undefined {
  const next = firstIndex(items.length, (index) => begin(items[index] as T) > time);
  return items[Math.max(0, next - 1)];
}

/**
 * Who is on the screen at a time, without looking at all: items are in order of time, but a long one ends after those that follow it, and a
 * slow one is seen before those ahead of it. So the searches go over the latest end of all up to an item, and the earliest appearance of all from it
 * on; both only grow.
 */
export function createVisible<T>(items: readonly T[], span: (item: T) => [from: number, until: number]) {
  const spans = items.map(span);
  const latest = new Float64Array(items.length);
  const earliest = new Float64Array(items.length);
  spans.reduce((most, [, until], index) => (latest[index] = Math.max(most, until)), -Infinity);
  spans.reduceRight((least, [from], index) => (earliest[index] = Math.min(least, from)), Infinity);

  return (time: number): T[] => {
    const first = firstIndex(items.length, (index) => (latest[index] ?? 0) >= time);
    const end = firstIndex(items.length, (index) => (earliest[index] ?? 0) > time);
    return items.slice(first, end).filter((_, index) => {
      const [from, until] = spans[first + index] ?? [0, -1];
      return from <= time && time <= until;
    });
  };
}
