import type { TimingPoint } from '../../../../shared/reference-beatmap.ts';
import { GenerateError } from '../errors.ts';
import type { Features } from '../hearing/features.ts';
import { atBeats, beatCount, strengthsOf } from './beats.ts';
import { beatProfile, chooseBeat } from './choice.ts';
import { exactPhase, settleSections } from './pieces.ts';
import { timingPoints } from './points.ts';
import { findSections, ordinarySearch, thoroughSearch, type Section } from './sections.ts';

/**
 * In ranked osu! maps the charted time of a beat lies about 21 ms before its onset as a gapless decoder gives it (median of
 * 74 mp3 songs 21, quartiles 16 and 26; 6 ogg songs 22 to 25). That is the game's audio latency convention, so every
 * time that we write is the onset's less this.
 */
export const OSU_OFFSET_MS = 21;

export type { TimingPoint };

export interface Timing {
  points: TimingPoint[];
  /** Share of the attack strength that lies on the beat grid's halves; near 0: no beat was heard. */
  confidence: number;
  warnings: string[];
}

export interface GivenTiming {
  /** One constant tempo; its phase is looked for. */
  bpm?: number;
  /** Time of a downbeat, ms, osu!'s convention; written as it is. */
  offsetMs?: number;
  /** A whole timing, taken as it is. */
  points?: readonly TimingPoint[];
  /** More work for tempi that change: shorter windows, more pieces. */
  thorough?: boolean;
}

/** Noise reaches about 0.6 / √beats (six signals of 40 s: 0.05 to 0.07), for chance stands out more over few beats. */
const faintestOf = (beats: number) => Math.max(0.1, 1 / Math.sqrt(Math.max(1, beats)));
/** Fewer beats with an attack are no rhythm. */
const fewestBeats = 4;
/** Pieces shorter than this in the mean say that the tempo was not really found. */
const wanderingMs = 10_000;

/**
 * The timing of a song. What is given wins: a bpm as the one tempo, an offset as it is, points altogether.
 * Throws GenerateError where there is no beat.
 */
export function detectTiming(features: Features, given: GivenTiming = {}): Timing {
  if (given.points && given.points.length > 0) return { points: [...given.points], confidence: 1, warnings: [] };
  const strength = features.full.reduce((sum, value) => sum + value, 0);
  if (strength < 1)
    throw new GenerateError('no_beat_found', 'No beat was found: the song is silent or has no attacks.');
  const strengths = strengthsOf(features);
  const beat = chooseBeat(features, strengths, given.bpm);
  const heard = atBeats(strengths, 'full', beat, 0).filter((value) => value > 1);
  if (heard.length < fewestBeats && given.bpm === undefined)
    throw new GenerateError('no_beat_found', 'No beat was found: hardly anything is heard.');
  const beats = beatCount(strengths, beat);
  const sureness = clarity(features, beat.beatMs) * Math.min(1, heard.length / (0.4 * beats));
  const confidence = Math.round(sureness * 100) / 100;
  const faint = confidence < faintestOf(beats);

  const whole: Section = { startMs: 0, endMs: features.frames * features.hopMs, bpm: beat.bpm, phaseMs: beat.phaseMs };
  const search = given.thorough ? thoroughSearch : ordinarySearch;
  const free = given.bpm === undefined && given.offsetMs === undefined;
  const found = free ? settleSections(features, findSections(features, whole, search), whole, search) : [whole];
  const wanders = found.length > 1 && whole.endMs / found.length < wanderingMs;
  // In noise any grid fits for some seconds; in a medley none fits for long.
  const sections = wanders && faint ? [whole] : found;
  const exact = sections.map((section) => exactPhase(features, section));
  const points = timingPoints(features, exact, OSU_OFFSET_MS);
  if (given.offsetMs !== undefined) points[0]!.offsetMs = given.offsetMs;
  const warnings = [];
  if (faint) warnings.push('The beat of this song is hard to hear; the timing may be wrong.');
  else if (wanders)
    warnings.push(`The tempo of this song wanders; its timing has ${sections.length} pieces and may be wrong.`);
  return { points, confidence, warnings };
}

/** How far the strongest place of the beat stands out, 0 to 1. */
function clarity(features: Features, beatMs: number): number {
  const { values } = beatProfile(features, beatMs);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.max(0, Math.min(1, (Math.max(...values) / (mean + 1e-9) - 1) / 6));
}
