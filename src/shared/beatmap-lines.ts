/**
 * The lines of a `.osu` that was sent, understood one by one and written anew: of numbers in ranges that a program can take, without
 * the names of files. A line that the game would skip is left out.
 */

/** By the name of the section; the lines without blank ones and comments. */
export type Sections = ReadonlyMap<string, readonly string[]>;

/** The earliest and latest time of anything, ms; as for the parameter `offset`. */
export const timeRange = [-60_000, 36_000_000] as const;
export const bpmRange = [20, 1000] as const;
/** Lines of a section; the program looks through the points for each object. */
export const mostLines = { TimingPoints: 20_000, HitObjects: 50_000 };
const mostAnchors = 2_000;
/**
 * Of all objects of a map together; programs make events of each slide and of every few seconds of what is held. A marathon of an hour
 * has a fiftieth of it.
 */
const budgets = { slides: 200_000, pixels: 5_000_000, heldMs: 360_000_000 };

/** Of a section that comes twice the last counts. */
export function sectionsOf(text: string): Sections {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.trim();
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name !== undefined) sections.set(name, (lines = []));
    else if (line !== '' && !line.startsWith('//')) lines.push(line);
  }
  return sections;
}

/** The value of `Key: value`; undefined where there is no such line. */
export function valueOf(lines: readonly string[] | undefined, key: string): string | undefined {
  const line = lines?.findLast((one) => one.includes(':') && one.slice(0, one.indexOf(':')).trim() === key);
  return line?.slice(line.indexOf(':') + 1).trim();
}

export const clamp = (value: number, min: number, max: number) => Math.min(max, Math.max(min, value));
export const meterOf = (text: string | undefined) => clamp(Math.round(Number(text)) || 4, 1, 16);

/** A whole number of the range; `otherwise` for what is none, or none at all. */
const within = (text: string | undefined, min: number, max: number, otherwise: number) =>
  text && /^-?\d+$/.test(text) ? clamp(Number(text), min, max) : otherwise;

interface Line {
  time: number;
  line: string;
}

const inOrder = (lines: Line[]) => lines.sort((a, b) => a.time - b.time).map(({ line }) => line);
const isTime = (time: number) => time >= timeRange[0] && time <= timeRange[1];

/** Red and green lines in order of time, from the first red one on. */
export function timingLines(sections: Sections): string[] {
  const points = (sections.get('TimingPoints') ?? []).flatMap((text) => {
    const parts = text.split(',').map((part) => part.trim());
    const [time, beat] = [Number(parts[0] || NaN), Number(parts[1] || NaN)];
    const isRed = beat > 0;
    const bpm = 60_000 / beat;
    if (!isTime(time) || !(isRed ? bpm >= bpmRange[0] && bpm <= bpmRange[1] && parts[6] !== '0' : beat < 0)) return [];
    const sample = [within(parts[3], 0, 3, 0), within(parts[4], 0, 1000, 0), within(parts[5], 0, 100, 100)];
    const kiai = within(parts[7], 0, 255, 0) & 1; // the program takes a left out bar line for kiai
    const written = isRed ? beat : clamp(beat, -10_000, -10);
    return [{ time, isRed, line: [time, written, meterOf(parts[2]), ...sample, isRed ? 1 : 0, kiai].join(',') }];
  });
  points.sort((a, b) => Number(b.isRed) - Number(a.isRed)); // at one time the red line first
  const first = points.reduce((least, { isRed, time }) => (isRed ? Math.min(least, time) : least), Infinity);
  return inOrder(points.filter(({ time }) => time >= first));
}

/** The hit objects in order of time. */
export function objectLines(sections: Sections): string[] {
  const left = { ...budgets };
  const lines = (sections.get('HitObjects') ?? []).flatMap((text) => {
    const parts = text.split(',').map((part) => part.trim());
    const [x, y, time] = [0, 1, 2].map((i) => Math.round(Number(parts[i] || NaN))) as [number, number, number];
    if (!Number.isFinite(x + y) || !isTime(time) || !/^\d{1,3}$/.test(parts[3] ?? '')) return [];
    const type = Number(parts[3]);
    const rest = restOf(type, parts.slice(5), time, left);
    if (rest === null) return [];
    const head = [clamp(x, -512, 1024), clamp(y, -512, 1024), time, type & 255, within(parts[4], 0, 15, 0)];
    return [{ time, line: [...head, ...rest].join(',') }];
  });
  return inOrder(lines);
}

/** What follows the head of an object; null for one that is none, or too much. */
function restOf(type: number, rest: string[], time: number, left: typeof budgets): string[] | null {
  if (type & 1) return [sample(rest[0])];
  if (type & 2) return slider(rest, left);
  const isHold = (type & 128) !== 0;
  if (!isHold && !(type & 8)) return null;
  const [, end = '', tail] = (isHold ? /^(\d+):?(.*)$/ : /^(\d+)()$/).exec(rest[0] ?? '') ?? [];
  const held = Number(end || NaN) - time;
  if (!(held >= 0) || !isTime(Number(end)) || held > left.heldMs) return null;
  left.heldMs -= held;
  return isHold ? [`${Number(end)}:${sample(tail)}`] : [`${Number(end)}`, sample(rest[1])];
}

/** Sets, index and volume, without the name of a file. */
const sample = (text: string | undefined) => {
  const parts = (text ?? '').split(':');
  return `${[3, 3, 1000, 100].map((most, i) => within(parts[i], 0, most, 0)).join(':')}:`;
};

function slider(rest: string[], left: typeof budgets): string[] | null {
  const [path = '', slidesText, lengthText, edgeSounds = '', edgeSets = '', tail] = rest;
  const [kind = '', ...anchors] = path.split('|');
  const slides = within(slidesText, 0, 100_000, 0);
  const length = Number(lengthText || NaN);
  if (!/^[BCLP]$/.test(kind) || anchors.length === 0 || anchors.length > mostAnchors) return null;
  if (!anchors.every((anchor) => /^-?\d{1,6}(\.\d+)?:-?\d{1,6}(\.\d+)?$/.test(anchor))) return null;
  if (slides < 1 || !(length > 0)) return null;
  if (slides > left.slides || slides * length > left.pixels) return null;
  left.slides -= slides;
  left.pixels -= slides * length;
  const points = anchors.map((anchor) =>
    anchor
      .split(':')
      .map((part) => Math.round(Number(part)))
      .join(':'),
  );
  const shape = [[kind, ...points].join('|'), `${slides}`, `${length}`];
  const hasEdges = /^\d{1,2}(\|\d{1,2})*$/.test(edgeSounds) && /^\d:\d(\|\d:\d)*$/.test(edgeSets);
  return hasEdges ? [...shape, edgeSounds, edgeSets, sample(tail)] : shape;
}
