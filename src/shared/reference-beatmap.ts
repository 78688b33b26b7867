import { createHash } from 'node:crypto';
import { parse } from 'node:path';
import {
  bpmRange,
  clamp,
  meterOf,
  mostLines,
  objectLines,
  sectionsOf,
  timeRange,
  timingLines,
  valueOf,
  type Sections,
} from './beatmap-lines.ts';
import { oneLine } from './fields.ts';

/** A beatmap that was sent along with a song (`beatmap_file`), as the record of the job has it; its text lies beside the record. */
export interface ReferenceBeatmap {
  /** The name it was uploaded under; for people. */
  filename: string;
  /** Of the text. */
  sha256: string;
  /** 0 osu!, 1 taiko, 2 catch, 3 mania. */
  gamemode: number;
  /** How many of its objects can be read. */
  objects: number;
  /** Where its preview starts, ms; -1: nowhere. */
  previewMs: number;
  timing: TimingPoint[];
}

/** A red line: a tempo from a time on, until the next. */
export interface TimingPoint {
  /** Time of a downbeat in osu!'s convention, whole ms. */
  offsetMs: number;
  /** Beats a minute. */
  bpm: number;
  /** Beats in a bar. */
  meter: number;
}

/** The longest `.osu` that is read. Marathon maps have about 1 MB. */
export const maxBeatmapBytes = 4 * 1024 * 1024;
const mostPoints = 10_000;

/**
 * What the record keeps of a `.osu`. Throws an Error with a reason for people when the text is no beatmap, has no timing point that
 * can be used, or is too long.
 */
export function readReference(filename: string, text: string): ReferenceBeatmap {
  const timing = readTiming(text);
  const sections = sectionsOf(text);
  for (const [name, most] of Object.entries(mostLines)) {
    if ((sections.get(name)?.length ?? 0) > most) throw new Error(`it has more than ${most} lines of ${name}`);
  }
  return {
    filename,
    sha256: createHash('sha256').update(text).digest('hex'),
    gamemode: modeOf(sections),
    objects: objectLines(sections).length,
    previewMs: Number(general['PreviewTime']?.(valueOf(sections.get('General'), 'PreviewTime')) ?? -1),
    timing,
  };
}

/**
 * The uninherited timing points of a `.osu`, in order, one at a time (of several at one time the last, as in the game). Read here and
 * not by osu-parsers, which invents a point of 120 BPM where the lines are out of order. Throws an Error with a reason for people when
 * the text is no beatmap or has no point that can be used.
 */
export function readTiming(text: string): TimingPoint[] {
  if (text.startsWith('PK')) throw new Error('it is an archive; send one .osu file of it');
  if (!/^\uFEFF?\s*osu file format v\d+/.test(text)) throw new Error('it is no .osu file');
  const points = new Map<number, TimingPoint>();
  for (const line of sectionsOf(text).get('TimingPoints') ?? []) {
    const [time, beat, meter, , , , uninherited] = line.split(',').map((part) => part.trim());
    if (!time || !beat || !(Number(beat) > 0) || uninherited === '0') continue;
    const offsetMs = Math.round(Number(time));
    const bpm = 60_000 / Number(beat);
    if (!(offsetMs >= timeRange[0] && offsetMs <= timeRange[1]))
      throw new Error('a timing point lies outside of any song');
    if (!(bpm >= bpmRange[0] && bpm <= bpmRange[1])) {
      throw new Error(`its timing point at ${offsetMs} ms has no tempo from ${bpmRange.join(' to ')} BPM`);
    }
    points.set(offsetMs, { offsetMs, bpm, meter: meterOf(meter) });
  }
  if (points.size === 0) throw new Error('it has no timing point');
  if (points.size > mostPoints) throw new Error(`it has more than ${mostPoints} timing points`);
  return [...points.values()].sort((a, b) => a.offsetMs - b.offsetMs);
}

interface CopyNames {
  /** The name of the song's file, which the copy names as its own. */
  audio: string;
  /** What the copy has where the beatmap itself does not say. */
  title: string;
  artist: string;
}

interface Sent {
  audio: { filename: string; title?: string; artist?: string };
  params: { gamemode: number; bpm?: number | undefined; offset?: number | undefined };
}

/**
 * The beatmap of a job for a program: that which was sent along (`text`), else one of nothing but the timing where tempo and offset
 * were sent, with the settings that the program would have without it. Null: neither.
 */
export function copyForProgram({ audio, params }: Sent, text: string | null, song: string): string | null {
  const names = {
    audio: song,
    title: audio.title ?? parse(audio.filename).name,
    artist: audio.artist ?? 'Unknown Artist',
  };
  if (text !== null) return copyOf(text, names);
  const { gamemode, bpm, offset } = params;
  if (bpm === undefined || offset === undefined) return null;
  const settings = 'HPDrainRate:5\nCircleSize:4\nOverallDifficulty:8\nApproachRate:9';
  const points = `[TimingPoints]\n${offset},${60_000 / bpm},4,2,0,100,1,0`;
  return copyOf(`[General]\nMode:${gamemode}\n[Difficulty]\n${settings}\n${points}\n`, names);
}

/**
 * The same beatmap for a program that believes what it reads: written anew from what was understood, line by line. Nothing of it is
 * a path: it names the given song and no other file, and has no events, for pictures, videos, storyboards and samples are files of the
 * sender's. Numbers are in ranges that the program can take; a line that the game would skip is left out. Sorted by time.
 */
export function copyOf(text: string, names: CopyNames): string {
  const sections = sectionsOf(text);
  const mode = modeOf(sections);
  const parts = {
    General: [`AudioFilename: ${names.audio}`, `Mode: ${mode}`, ...settings(sections.get('General'), general)],
    Editor: settings(sections.get('Editor'), editor),
    Metadata: settings(sections.get('Metadata'), {
      ...metadata,
      Title: word(names.title),
      Artist: word(names.artist),
    }),
    Difficulty: settings(sections.get('Difficulty'), {
      ...difficulty,
      CircleSize: mode === 3 ? number(1, 18, 4) : number(0, 10, 5),
    }),
    TimingPoints: timingLines(sections),
    HitObjects: objectLines(sections),
  };
  const body = Object.entries(parts).map(([name, lines]) => [`[${name}]`, ...lines, ''].join('\n'));
  return ['osu file format v14', '', ...body].join('\n');
}

/** Throws an Error with a reason for people when it is none of the game's four. */
function modeOf(sections: Sections): number {
  const mode = valueOf(sections.get('General'), 'Mode') ?? '0';
  if (!/^[0-3]$/.test(mode)) throw new Error('its mode is none of the four of the game');
  return Number(mode);
}

/** A value as it was sent → as it is written; null leaves the line out. */
type Setting = (sent: string | undefined) => string | null;
const settings = (lines: readonly string[] | undefined, known: Record<string, Setting>) =>
  Object.entries(known).flatMap(([key, write]) => {
    const value = write(valueOf(lines, key));
    return value === null ? [] : [`${key}: ${value}`];
  });

const number =
  (min: number, max: number, otherwise: number | null): Setting =>
  (sent) =>
    sent && Number.isFinite(Number(sent)) ? `${clamp(Number(sent), min, max)}` : (otherwise?.toString() ?? null);
const integer =
  (min: number, max: number): Setting =>
  (sent) =>
    sent && /^-?\d{1,10}$/.test(sent) && Number(sent) >= min && Number(sent) <= max ? `${Number(sent)}` : null;
const word =
  (otherwise: string | null): Setting =>
  (sent) =>
    oneLine(sent ?? '')
      .trim()
      .slice(0, 1000) || otherwise;

const general: Record<string, Setting> = {
  AudioLeadIn: integer(0, 60_000),
  PreviewTime: integer(-1, timeRange[1]),
  Countdown: integer(0, 3),
  SampleSet: (sent) => (sent && ['Normal', 'Soft', 'Drum', 'None', 'All'].includes(sent) ? sent : null),
  StackLeniency: number(0, 1, null),
  LetterboxInBreaks: integer(0, 1),
  WidescreenStoryboard: integer(0, 1),
};
const editor: Record<string, Setting> = {
  DistanceSpacing: number(0.1, 10, null),
  BeatDivisor: integer(1, 16),
  GridSize: integer(4, 32),
  TimelineZoom: number(0.1, 10, null),
};
const metadata: Record<string, Setting> = {
  Title: word(null),
  TitleUnicode: word(null),
  Artist: word(null),
  ArtistUnicode: word(null),
  Creator: word('Mapperatorinator'),
  Version: word('Mapperatorinator'),
  Source: word(''), // the program would write None for none
  Tags: word(null),
  BeatmapID: integer(1, 2 ** 31 - 1),
  BeatmapSetID: integer(1, 2 ** 31 - 1),
};
const difficulty: Record<string, Setting> = {
  HPDrainRate: number(0, 10, 5),
  CircleSize: number(0, 10, 5),
  OverallDifficulty: number(0, 10, 5),
  ApproachRate: number(0, 10, null), // maps from before there was one have the overall difficulty's
  SliderMultiplier: number(0.4, 3.6, 1.4),
  SliderTickRate: number(0.5, 8, 1),
};
