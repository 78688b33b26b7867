// What the page makes of a preview at sampled times: the same arithmetic as its canvas, so that what is measured is what is seen.

/** Times of a slider's samples: 16 on each of its first six ways, and its end. */
export function sliderTimes({ time, end, spans }) {
  const ways = Math.min(spans, 6);
  const span = (end - time) / spans;
  return [...Array.from({ length: ways * 16 }, (_, i) => time + (i / 16) * span), end];
}

/** Where the ball of a slider of a preview is at a time: evenly along the path, to and fro. */
export function createBall({ time, end, spans, path }) {
  const points = Array.from({ length: path.length / 2 }, (_, i) => ({ x: path[2 * i], y: path[2 * i + 1] }));
  const lengths = [0];
  for (let i = 1; i < points.length; i++)
    lengths.push(lengths[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y));
  return (at) => {
    const ways = end > time ? Math.min(spans, Math.max(0, ((at - time) / (end - time)) * spans)) : 0;
    const way = Math.min(spans - 1, Math.floor(ways));
    const share = way % 2 === 1 ? 1 - (ways - way) : ways - way;
    return alongPolyline(points, lengths, share * lengths.at(-1));
  };
}

/** The point of a polyline after so many px; `lengths` are those up to each point. */
export function alongPolyline(points, lengths, px) {
  let i = 1;
  while (i < points.length - 1 && lengths[i] < px) i++;
  const [from, to] = [points[i - 1], points[i] ?? points[i - 1]];
  const stretch = (lengths[i] ?? lengths[i - 1]) - lengths[i - 1];
  const share = stretch > 0 ? Math.min(1, (px - lengths[i - 1]) / stretch) : 0;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** The speed of notes at a time. */
export function scrollOf({ scroll }, time) {
  let velocity = scroll[0]?.[1] ?? NaN;
  for (const [at, value] of scroll) if (at <= time + 0.051) velocity = value;
  return velocity;
}

/** A preview with all objects so many ms earlier: the game adds 24 ms to formats before 5, and others do not. */
export const earlier = (preview, ms) => ({
  ...preview,
  objects: preview.objects.map((object) => ({
    ...object,
    time: object.time - ms,
    ...('end' in object ? { end: object.end - ms } : {}),
    ...('ticks' in object ? { ticks: object.ticks.map((tick) => tick - ms) } : {}),
  })),
});

/** Collects what differs between two computations of one map. */
export function createDifferences() {
  const found = { objects: 0, samples: 0, px: [], ms: [], unequal: [] };
  return {
    ...found,
    found,
    object: () => void found.objects++,
    place(ours, theirs) {
      found.samples++;
      found.px.push(Math.hypot(ours.x - theirs.x, (ours.y ?? 0) - (theirs.y ?? 0)));
    },
    time(ours, theirs) {
      found.samples++;
      found.ms.push(Math.abs(ours - theirs));
    },
    /** For what is the same or is not: kinds, columns, counts. */
    same(what, ours, theirs, at) {
      found.samples++;
      if (ours !== theirs) found.unequal.push(`${what} at ${Math.round(at)}: ${ours}, not ${theirs}`);
    },
  };
}
