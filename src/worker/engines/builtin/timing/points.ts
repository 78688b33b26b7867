import type { TimingPoint } from '../../../../shared/reference-beatmap.ts';
import { sliceFeatures, type Features } from '../hearing/features.ts';
import { findDownbeat, findMeter } from './bars.ts';
import { strengthsOf } from './beats.ts';
import type { Section } from './sections.ts';

/** A later section's own bars are looked for from this many beats on; a shorter one counts from where it begins. */
const longEnough = 32;
const surely = 0.7;

/**
 * Sections → timing points on downbeats, in the time of the sections less `earlierMs`. A section that begins in the middle of its bars gets a
 * second point at its first downbeat. No point changes nothing, none follows another within a beat.
 */
export function timingPoints(features: Features, sections: Section[], earlierMs: number): TimingPoint[] {
  const longest = sections.reduce((a, b) => (b.endMs - b.startMs > a.endMs - a.startMs ? b : a));
  const part = partOf(features, longest);
  const meter = findMeter(part.strengths, part.grid);
  const points: TimingPoint[] = [];
  sections.forEach((section, i) => {
    const beatMs = 60_000 / section.bpm;
    const { strengths, grid, startMs } = partOf(features, section);
    const { beat, share } = findDownbeat(strengths, grid, meter);
    const downbeat = startMs + grid.phaseMs + beat * beatMs;
    const write = (ms: number) => points.push({ offsetMs: Math.round(ms - earlierMs), bpm: section.bpm, meter });
    if (i === 0) {
      const bar = meter * beatMs;
      write(downbeat - Math.floor((downbeat - earlierMs) / bar) * bar);
      return;
    }
    const first = section.phaseMs + Math.ceil((section.startMs - section.phaseMs) / beatMs) * beatMs;
    const ahead = (((Math.round((downbeat - first) / beatMs) % meter) + meter) % meter) * beatMs;
    const counted = section.endMs - section.startMs > longEnough * beatMs && share > surely;
    // Where exactly a tempo changes is not known to the beat, so the change goes to the downbeat beside it.
    if (!counted || ahead === 0) write(first);
    else if (ahead === beatMs) write(first + beatMs);
    else if (ahead === (meter - 1) * beatMs) write(first - beatMs);
    else [first, first + ahead].forEach(write);
  });
  return withoutNeedless(points);
}

/** Leaves out what begins less than a beat before the next point, and what changes nothing. */
function withoutNeedless(points: TimingPoint[]): TimingPoint[] {
  const spaced = points.filter(({ offsetMs, bpm }, i) => {
    const next = points[i + 1];
    return !next || next.offsetMs - offsetMs >= 60_000 / bpm - 1;
  });
  return spaced.reduce<TimingPoint[]>((kept, point) => {
    const before = kept.at(-1);
    return before && isUseless(before, point) ? kept : [...kept, point];
  }, []);
}

/** A section's features, with its grid in their time. */
function partOf(features: Features, section: Section) {
  const beatMs = 60_000 / section.bpm;
  const part = sliceFeatures(features, section.startMs, section.endMs);
  const phaseMs = (((section.phaseMs - part.startMs) % beatMs) + beatMs) % beatMs;
  return { strengths: strengthsOf(part.features), grid: { beatMs, phaseMs }, startMs: part.startMs };
}

/** Whether a point goes on exactly as the one before it: same tempo and meter, on one of its downbeats. */
function isUseless(before: TimingPoint, point: TimingPoint): boolean {
  if (before.bpm !== point.bpm || before.meter !== point.meter) return false;
  const bar = (60_000 / before.bpm) * before.meter;
  const bars = (point.offsetMs - before.offsetMs) / bar;
  return Math.abs(bars - Math.round(bars)) * bar <= 1;
}
