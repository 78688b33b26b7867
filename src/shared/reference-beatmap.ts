/** A beatmap that was sent along with a song (`beatmap_file`): its timing is taken over. */
export interface ReferenceBeatmap {
  /** The name it was uploaded under; for people. */
  filename: string;
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
const bpmRange = [20, 1000] as const;
/** As for the parameter `offset`. */
const timeRange = [-60_000, 36_000_000] as const;

/**
 * The uninherited timing points of a `.osu`, in order, one at a time (of several at one time the last, as in the game). Read here and
 * not by osu-parsers, which invents a point of 120 BPM where the lines are out of order. Throws an Error with a reason for people when
 * the text is no beatmap or has no point that can be used.
 */
export function readTiming(text: string): TimingPoint[] {
  if (!/^\uFEFF?\s*osu file format v\d+/.test(text)) throw new Error('it is no .osu file');
  const section = /^\[TimingPoints\]\s*$([^]*?)(?=^\[|$(?![^]))/m.exec(text)?.[1] ?? '';
  const points = new Map<number, TimingPoint>();
  for (const line of section.split('\n')) {
    const [time, beat, meter, , , , uninherited] = line.split(',').map((part) => part.trim());
    if (!time || !beat || !(Number(beat) > 0) || uninherited === '0') continue;
    const offsetMs = Math.round(Number(time));
    const bpm = 60_000 / Number(beat);
    if (!(offsetMs >= timeRange[0] && offsetMs <= timeRange[1]))
      throw new Error('a timing point lies outside of any song');
    if (!(bpm >= bpmRange[0] && bpm <= bpmRange[1])) {
      throw new Error(`its timing point at ${offsetMs} ms has no tempo from ${bpmRange.join(' to ')} BPM`);
    }
    points.set(offsetMs, { offsetMs, bpm, meter: Math.min(16, Math.max(1, Math.round(Number(meter)) || 4)) });
  }
  if (points.size === 0) throw new Error('it has no timing point');
  if (points.size > mostPoints) throw new Error(`it has more than ${mostPoints} timing points`);
  return [...points.values()].sort((a, b) => a.offsetMs - b.offsetMs);
}
