import type { Effect } from './effects.ts';
import { hitObjectLine, type HitObject } from './hit-objects.ts';
import type { Metadata } from './metadata.ts';
import type { TimingPoint } from '../timing/timing.ts';

/** All that a `.osu` file says. */
export interface BeatmapFile extends Metadata {
  mode: number;
  audioFilename: string;
  previewTime: number;
  beatDivisor: number;
  hp: number;
  cs: number;
  od: number;
  ar: number;
  sliderMultiplier: number;
  tickRate: number;
  stackLeniency: number;
  background: string;
  comboColours: readonly (readonly number[])[];
  breaks: readonly (readonly [startMs: number, endMs: number])[];
  timingPoints: readonly TimingPoint[];
  /** Inherited (green) lines. */
  effects: readonly Effect[];
  objects: readonly HitObject[];
}

/** The text of a `.osu` file, format 14, with \r\n as the game writes it. */
export function osuFile(map: BeatmapFile): string {
  const lines = [
    'osu file format v14',
    '',
    '[General]',
    `AudioFilename: ${map.audioFilename}`,
    'AudioLeadIn: 0',
    `PreviewTime: ${map.previewTime}`,
    'Countdown: 0',
    'SampleSet: Soft',
    `StackLeniency: ${map.stackLeniency}`,
    `Mode: ${map.mode}`,
    'LetterboxInBreaks: 0',
    'WidescreenStoryboard: 0',
    '',
    '[Editor]',
    'DistanceSpacing: 1',
    `BeatDivisor: ${map.beatDivisor}`,
    'GridSize: 4',
    'TimelineZoom: 1',
    '',
    '[Metadata]',
    `Title:${map.title}`,
    `TitleUnicode:${map.titleUnicode}`,
    `Artist:${map.artist}`,
    `ArtistUnicode:${map.artistUnicode}`,
    `Creator:${map.creator}`,
    `Version:${map.version}`,
    `Source:${map.source}`,
    `Tags:${map.tags}`,
    'BeatmapID:0',
    'BeatmapSetID:-1',
    '',
    '[Difficulty]',
    `HPDrainRate:${map.hp}`,
    `CircleSize:${map.cs}`,
    `OverallDifficulty:${map.od}`,
    `ApproachRate:${map.ar}`,
    `SliderMultiplier:${map.sliderMultiplier}`,
    `SliderTickRate:${map.tickRate}`,
    '',
    '[Events]',
    '//Background and Video events',
    `0,0,"${map.background}",0,0`,
    '//Break Periods',
    ...map.breaks.map(([start, end]) => `2,${start},${end}`),
    '',
    '[TimingPoints]',
    ...timingLines(map),
    '',
    '[Colours]',
    ...map.comboColours.map((colour, i) => `Combo${i + 1} : ${colour.join(',')}`),
    '',
    '[HitObjects]',
    ...map.objects.map(hitObjectLine),
    '',
  ];
  return lines.join('\r\n');
}

/** Red lines carry the tempo, green ones speed, volume and kiai; a red line goes on with the volume and kiai before it. */
function timingLines({ timingPoints, effects }: BeatmapFile): string[] {
  const lines: { time: number; rank: number; text: string }[] = [];
  for (const { offsetMs, bpm, meter } of timingPoints) {
    const { volume, kiai, speed } = effects.findLast(({ time }) => time < offsetMs) ?? {
      speed: 1,
      volume: effects[0]?.volume ?? 60,
      kiai: false,
    };
    const text = `${offsetMs},${trim(60_000 / bpm)},${meter},2,0,${volume},1,${kiai ? 1 : 0}`;
    lines.push({ time: offsetMs, rank: 0, text });
    // A red line sets the speed back to 1.
    if (speed !== 1 && !effects.some(({ time }) => time === offsetMs))
      lines.push({ time: offsetMs, rank: 1, text: greenLine(offsetMs, speed, meter, volume, kiai) });
  }
  for (const { time, speed, volume, kiai } of effects) {
    const meter = timingPoints.findLast(({ offsetMs }) => offsetMs <= time)?.meter ?? 4;
    lines.push({ time, rank: 1, text: greenLine(time, speed, meter, volume, kiai) });
  }
  return lines.sort((a, b) => a.time - b.time || a.rank - b.rank).map(({ text }) => text);
}

const greenLine = (time: number, speed: number, meter: number, volume: number, kiai: boolean) =>
  `${time},${trim(-100 / speed)},${meter},2,0,${volume},0,${kiai ? 1 : 0}`;

/** As many digits as a double needs, without an exponent. */
const trim = (value: number) => String(Math.round(value * 1e12) / 1e12);
