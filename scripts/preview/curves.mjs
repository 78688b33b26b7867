// The sliders of a preview beside their curves as mathematics has them: worked out from the text alone, with points so dense that their
// chords do not matter. Our model and the rulesets share one piece of code, the curves of osu-classes; this shares nothing with either.
import { alongPolyline, createBall, createDifferences } from './samples.mjs';

/** Points of each segment. */
const dense = 1000;

/** Differences between the way of each ball and the exact curve; null where the preview has other sliders than the text. */
export function againstCurves(text, { objects }) {
  const lines = text
    .slice(text.indexOf('[HitObjects]'))
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const written = lines.filter((fields) => fields.length > 7 && Number(fields[3]) & 2).sort((a, b) => a[2] - b[2]);
  const sliders = objects.filter(({ kind }) => kind === 'slider');
  if (written.length !== sliders.length) return null;
  const to = createDifferences();
  sliders.forEach((ours, i) => {
    const [x, y, , , , path, , length] = written[i];
    const exact = curve({ x: Math.trunc(x), y: Math.trunc(y) }, path, Number(length));
    if (!exact) return;
    to.object();
    const ball = createBall(ours);
    const head = ball(ours.time);
    for (let n = 0; n <= 32; n++) {
      const at = ball(ours.time + ((n / 32) * (ours.end - ours.time)) / ours.spans);
      const is = exact(n / 32);
      to.place({ x: at.x - head.x, y: at.y - head.y }, { x: is.x - exact(0).x, y: is.y - exact(0).y });
    }
  });
  return to.found;
}

/** Share of the way → point; null for what is none of the four kinds. */
function curve(head, path, length) {
  const [kind, ...rest] = path.split('|');
  if (!'BLPC'.includes(kind) || rest.some((token) => /^[A-Z]/.test(token))) return null;
  const nodes = [
    head,
    ...rest.map((token) => token.split(':').map((part) => Math.trunc(Number(part)))).map(([x, y]) => ({ x, y })),
  ];
  const points = drawn(kind, nodes);
  const lengths = [0];
  for (let i = 1; i < points.length; i++)
    lengths.push(lengths[i - 1] + Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y));
  const natural = lengths.at(-1);
  if (natural === 0) return null;
  const [a, b] = points.slice(-2);
  const step = Math.hypot(b.x - a.x, b.y - a.y);
  const way = length > 0 && (length < natural || step > 0) ? length : natural;
  return (share) => {
    const px = share * way;
    if (px <= natural) return alongPolyline(points, lengths, px);
    return { x: b.x + ((b.x - a.x) / step) * (px - natural), y: b.y + ((b.y - a.y) / step) * (px - natural) };
  };
}

function drawn(kind, nodes) {
  if (kind === 'P' && nodes.length === 3) return arc(nodes) ?? nodes;
  if (kind === 'L') return nodes;
  return kind === 'C' ? catmull(nodes) : segments(nodes, bezier);
}

/** A point that is written twice ends one segment and begins the next; the last one does not, and draws its curve twice as hard. */
function segments(nodes, draw) {
  const points = [];
  let from = 0;
  nodes.forEach(({ x, y }, i) => {
    const isEnd = i === nodes.length - 1;
    const isDouble = i < nodes.length - 2 && nodes[i + 1].x === x && nodes[i + 1].y === y;
    if (!isEnd && !isDouble) return;
    if (i > from) points.push(...draw(nodes.slice(from, i + 1)));
    from = i + 1;
  });
  return points;
}

function bezier(nodes) {
  if (nodes.length === 2) return nodes;
  return Array.from({ length: dense + 1 }, (_, n) => {
    let points = nodes;
    const t = n / dense;
    while (points.length > 1)
      points = points
        .slice(1)
        .map((to, i) => ({ x: points[i].x + (to.x - points[i].x) * t, y: points[i].y + (to.y - points[i].y) * t }));
    return points[0];
  });
}

/** The circle through three points, from the first by the second to the third; null for a line. */
function arc([a, b, c]) {
  const d = 2 * (a.x * (b.y - c.y) + b.x * (c.y - a.y) + c.x * (a.y - b.y));
  if (Math.abs(d) < 1e-6) return null;
  const square = ({ x, y }) => x * x + y * y;
  const centre = {
    x: (square(a) * (b.y - c.y) + square(b) * (c.y - a.y) + square(c) * (a.y - b.y)) / d,
    y: (square(a) * (c.x - b.x) + square(b) * (a.x - c.x) + square(c) * (b.x - a.x)) / d,
  };
  const radius = Math.hypot(a.x - centre.x, a.y - centre.y);
  const angle = ({ x, y }) => Math.atan2(y - centre.y, x - centre.x);
  const turn = (from, to) => (((to - from) % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI);
  const start = angle(a);
  const forward = turn(start, angle(b)) < turn(start, angle(c));
  const sweep = forward ? turn(start, angle(c)) : turn(start, angle(c)) - 2 * Math.PI;
  return Array.from({ length: dense + 1 }, (_, n) => {
    const at = start + (sweep * n) / dense;
    return { x: centre.x + radius * Math.cos(at), y: centre.y + radius * Math.sin(at) };
  });
}

function catmull(nodes) {
  return nodes.slice(0, -1).flatMap((b, i) => {
    const a = nodes[i - 1] ?? b;
    const c = nodes[i + 1];
    const d = nodes[i + 2] ?? { x: 2 * c.x - b.x, y: 2 * c.y - b.y };
    const along = (p, q, r, s, t) =>
      0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t + (3 * q - p - 3 * r + s) * t * t * t);
    return Array.from({ length: dense + 1 }, (_, n) => ({
      x: along(a.x, b.x, c.x, d.x, n / dense),
      y: along(a.y, b.y, c.y, d.y, n / dense),
    }));
  });
}
