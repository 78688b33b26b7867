// A parsed .osu in the form that the measurements read: objects with their ends, a grid of beats and bars, kiai and breaks.
import { BeatmapDecoder } from 'osu-parsers';

const decoder = new BeatmapDecoder();
const bitOf = { Whistle: 2, Finish: 4, Clap: 8 };
/** Objects this close to a snap count as on it, ms; human files are up to 2 ms off by rounding, some old ones a little more. */
const snapToleranceMs = 5;

/**
 * A .osu text → a chart. Times are ms, positions osu! pixels (512 × 384), lengths px.
 *
 * objects[]: kind circle | slider | spinner | hold; time, end; x, y of the head, tailX, tailY of the end; newCombo; spans, spanMs, length,
 * velocity (px/ms), curve (L, P, B or C) and `along(0 to 1)` of sliders; column of mania; edges [{ time, bits }] (bits: 2 whistle, 4 finish,
 * 8 clap). Throws what the decoder throws for text that is no beatmap.
 */
export function readChart(text) {
  const map = decoder.decodeFromString(text, { parseStoryboard: false });
  const red = map.controlPoints.timingPoints.map((point) => ({
    time: point.group.startTime,
    beatMs: point.beatLengthUnlimited,
    meter: point.timeSignature || 4,
  }));
  const { circleSize, approachRate, overallDifficulty, drainRate, sliderMultiplier, sliderTickRate } = map.difficulty;
  const mode = map.originalMode;
  const objects = map.hitObjects.map((object) => readObject(object, mode, circleSize));
  const breaks = map.events.breaks.map(({ startTime, endTime }) => [startTime, endTime]);
  const first = objects[0]?.time ?? 0;
  const last = objects.reduce((latest, { end }) => Math.max(latest, end), first);
  const kiai = kiaiSections(map.controlPoints.effectPoints, last);
  const rest = breaks.reduce((sum, [from, to]) => sum + to - from, 0);
  return {
    mode,
    keys: mode === 3 ? circleSize : 0,
    cs: circleSize,
    ar: approachRate,
    od: overallDifficulty,
    hp: drainRate,
    sliderMultiplier,
    tickRate: sliderTickRate,
    objects,
    breaks,
    kiai,
    first,
    last,
    drainMs: Math.max(1, last - first - rest),
    grid: layGrid(red),
  };
}

function readObject(object, mode, keys) {
  const { startTime: time, startPosition, hitType, hitSound } = object;
  const { x, y } = startPosition;
  const base = { time, x, y, tailX: x, tailY: y, newCombo: (hitType & 4) !== 0, bits: hitSound & 14 };
  if (mode === 3) {
    const column = Math.min(keys - 1, Math.max(0, Math.floor((x * keys) / 512)));
    const end = hitType & 128 ? object.endTime : time;
    return { ...base, kind: end > time ? 'hold' : 'circle', end, column, edges: [{ time, bits: base.bits }] };
  }
  if (hitType & 8) {
    const edges = [{ time: object.endTime, bits: base.bits }];
    return { ...base, kind: 'spinner', end: object.endTime, edges };
  }
  if (object.path === undefined) return { ...base, kind: 'circle', end: time, edges: [{ time, bits: base.bits }] };
  return readSlider(object, base);
}

function readSlider(object, base) {
  const spans = object.repeats + 1;
  const length = object.path.distance;
  const spanMs = length / object.velocity;
  const along = (progress) => {
    const point = object.path.positionAt(progress);
    return { x: base.x + point.x, y: base.y + point.y };
  };
  const tail = spans % 2 ? along(1) : { x: base.x, y: base.y };
  const edges = Array.from({ length: spans + 1 }, (_, n) => ({
    time: base.time + n * spanMs,
    bits: (object.nodeSamples[n] ?? []).reduce((bits, { hitSound }) => bits | (bitOf[hitSound] ?? 0), 0),
  }));
  const shape = { spans, spanMs, length, velocity: object.velocity, curve: object.path.curveType, along };
  return { ...base, ...shape, kind: 'slider', end: base.time + spans * spanMs, tailX: tail.x, tailY: tail.y, edges };
}

/** Stretches of kiai as [from, to]; one that is open at the end lasts to the last object. */
function kiaiSections(points, last) {
  const sections = [];
  let from;
  for (const point of points) {
    const time = point.group.startTime;
    if (point.kiai && from === undefined) from = time;
    if (!point.kiai && from !== undefined) {
      sections.push([from, time]);
      from = undefined;
    }
  }
  if (from !== undefined && from < last) sections.push([from, last]);
  return sections;
}

/**
 * The beats and bars of the red lines. `at(time)`: beat (since its red line), barBeat (0 to meter), bar (a number that grows by one each bar,
 * over the red lines), beatMs, meter. `main`: the beat length that is in force longest.
 */
export function layGrid(red) {
  const lines = red.length > 0 ? red : [{ time: 0, beatMs: 500, meter: 4 }];
  let bars = 0;
  const sections = lines.map((line, n) => {
    const firstBar = bars;
    const next = lines[n + 1];
    if (next) bars += Math.max(1, Math.ceil((next.time - line.time) / (line.beatMs * line.meter) - 0.01));
    return { ...line, firstBar };
  });
  const at = (time) => {
    let [n, beyond] = [0, sections.length];
    while (beyond - n > 1) {
      const middle = (n + beyond) >> 1;
      if (sections[middle].time > time + 1) beyond = middle;
      else n = middle;
    }
    const { time: from, beatMs, meter, firstBar } = sections[n];
    const beat = (time - from) / beatMs;
    const slack = snapToleranceMs / beatMs;
    const bar = Math.floor((beat + slack) / meter);
    return { beat, beatMs, meter, bar: firstBar + bar, barBeat: Math.max(0, beat - bar * meter) };
  };
  return { lines: sections, at };
}

/** Which fraction of a beat a length in beats is: one of `names`' values, or undefined where none is within the tolerance. */
export function nearest(beats, beatMs, fractions) {
  return fractions.find((fraction) => Math.abs(beats - fraction) * beatMs <= snapToleranceMs);
}

/** Of a position in beats: 'beat', 'half', 'quarter' or 'other'. */
export function phaseOf({ beat, beatMs }) {
  const phase = beat - Math.floor(beat);
  const on = nearest(phase, beatMs, [0, 0.25, 0.5, 0.75, 1]);
  if (on === undefined) return 'other';
  return on === 0.5 ? 'half' : on % 1 === 0 ? 'beat' : 'quarter';
}
