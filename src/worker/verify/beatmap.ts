import { UnreadableMapError } from './issue.ts';
import { readHitObject, type MapObject } from './hit-object.ts';
import { createTimingLines, type TimingLine, type TimingLines } from './timing-lines.ts';

/** A `.osu` file as the checks want it: what is written, not what a game makes of it. */
export interface Beatmap {
  /** Version of the format, 14 when it is not said. */
  format: number;
  mode: 0 | 1 | 2 | 3;
  general: ReadonlyMap<string, string>;
  metadata: ReadonlyMap<string, string>;
  difficulty: ReadonlyMap<string, string>;
  hp: number;
  cs: number;
  od: number;
  ar: number;
  sliderMultiplier: number;
  tickRate: number;
  /** Columns of a mania map. */
  keys: number;
  background: string | null;
  video: string | null;
  /** Files that the storyboard inside the `.osu` names. */
  storyboardFiles: string[];
  breaks: { start: number; end: number }[];
  comboColours: [r: number, g: number, b: number][];
  timing: TimingLines;
  /** In order of time. */
  objects: MapObject[];
  /** Lines that no game can read, and why. */
  broken: { line: string; why: string }[];
}

/**
 * Reads the text of a `.osu`. A hand-written reader, because a parser mends what the checks must see: osu-parsers drops lines it
 * cannot read, sorts, fills in volumes and throws away redundant lines. Throws UnreadableMapError for a text that is no beatmap.
 */
export function readBeatmap(text: string): Beatmap {
  const sections = splitSections(text);
  const pairs = (name: string) => readPairs(sections.get(name) ?? []);
  if (!sections.has('HitObjects') || !sections.has('TimingPoints'))
    throw new UnreadableMapError('The text is not a beatmap: it has no [TimingPoints] or no [HitObjects].');
  const general = pairs('General');
  const difficulty = pairs('Difficulty');
  const modeNumber = Number(general.get('Mode') ?? 0);
  if (![0, 1, 2, 3].includes(modeNumber))
    throw new UnreadableMapError(`There is no game mode "${general.get('Mode')}".`);
  const mode = modeNumber as Beatmap['mode'];
  const setting = (name: string, otherwise: number) => finite(difficulty.get(name)) ?? otherwise;
  const od = setting('OverallDifficulty', 5);
  const broken: Beatmap['broken'] = [];
  const timing = createTimingLines(readEach(sections.get('TimingPoints') ?? [], readTimingLine, broken));
  const cs = setting('CircleSize', 5);
  const keys = Math.min(18, Math.max(1, Math.round(cs)));
  const sliderMultiplier = Math.min(3.6, Math.max(0.4, setting('SliderMultiplier', 1.4)));
  const context = { mode, keys, sliderMultiplier, timing };
  const objects = readEach(sections.get('HitObjects') ?? [], (line) => readHitObject(line, context), broken);
  noteDisorder(objects, broken);
  objects.sort((a, b) => a.time - b.time);
  return {
    format: Number(/osu file format v(\d+)/.exec(text.slice(0, 200))?.[1] ?? 14),
    mode,
    general,
    metadata: pairs('Metadata'),
    difficulty,
    hp: setting('HPDrainRate', 5),
    cs,
    od,
    ar: setting('ApproachRate', od),
    sliderMultiplier,
    tickRate: setting('SliderTickRate', 1),
    keys,
    ...readEvents(sections.get('Events') ?? []),
    comboColours: readColours(sections.get('Colours') ?? []),
    timing,
    objects,
    broken,
  };
}

/** Not empty lines without comments, by section. A section that comes twice is read as one. */
function splitSections(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.trimEnd();
    const name = /^\[(\w+)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      lines = sections.get(name) ?? [];
      sections.set(name, lines);
    } else if (line !== '' && !line.startsWith('//')) lines.push(line);
  }
  return sections;
}

function readPairs(lines: readonly string[]): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) pairs.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return pairs;
}

function readEach<T>(lines: readonly string[], read: (line: string) => T | string, broken: Beatmap['broken']): T[] {
  const made: T[] = [];
  for (const line of lines) {
    const result = read(line);
    if (typeof result === 'string') broken.push({ line: line.slice(0, 60), why: result });
    else made.push(result);
  }
  return made;
}

function readTimingLine(line: string): TimingLine | string {
  const fields = line.split(',');
  const [time, beatLength, meter = 4, sampleSet = 0, sampleIndex = 0, volume = 100, red = 1, effects = 0] =
    fields.map(Number);
  if (time === undefined || !Number.isFinite(time)) return 'the time of a timing line is no number';
  if (beatLength === undefined || !Number.isFinite(beatLength) || beatLength === 0)
    return 'the beat length of a timing line is no number';
  const isRed = red === 1;
  if (isRed && beatLength < 0) return 'the beat length of a red line is negative';
  if (!(meter >= 1)) return 'the meter of a timing line is not positive';
  const effect = Number.isFinite(effects) ? effects : 0;
  const omitBarline = (effect & 8) > 0;
  return { time, beatLength, meter, sampleSet, sampleIndex, volume, red: isRed, kiai: (effect & 1) > 0, omitBarline };
}

function readEvents(lines: readonly string[]) {
  const events: Pick<Beatmap, 'background' | 'video' | 'storyboardFiles' | 'breaks'> = {
    background: null,
    video: null,
    storyboardFiles: [],
    breaks: [],
  };
  for (const line of lines) {
    const [kind = '', second = '', third = ''] = line.split(',');
    const quoted = /"([^"]*)"/.exec(line)?.[1];
    if (kind === '2' || kind === 'Break') events.breaks.push({ start: Number(second), end: Number(third) });
    else if (kind === '0' || kind === 'Background') events.background = quoted ?? third.trim();
    else if (kind === '1' || kind === 'Video') events.video = quoted ?? third.trim();
    else if (quoted !== undefined) events.storyboardFiles.push(quoted);
  }
  events.breaks = events.breaks.filter(({ start, end }) => Number.isFinite(start) && Number.isFinite(end));
  if (events.background === '') events.background = null;
  return events;
}

function readColours(lines: readonly string[]): Beatmap['comboColours'] {
  const colours: Beatmap['comboColours'] = [];
  for (const line of lines) {
    const found = /^Combo\d+\s*:\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)/.exec(line);
    if (found) colours.push([Number(found[1]), Number(found[2]), Number(found[3])]);
  }
  return colours;
}

function noteDisorder(objects: readonly MapObject[], broken: Beatmap['broken']) {
  objects.forEach((object, i) => {
    const before = objects[i - 1];
    if (before && object.time < before.time)
      broken.push({
        line: `${object.time}`,
        why: `the object at ${object.time} ms is written after one at ${before.time} ms`,
      });
  });
}

/** A number, or null for what is none. */
export function finite(text: string | undefined): number | null {
  const value = text === undefined || text === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
