/** A small valid map to break in one place: 40 s of one object a beat at 120 BPM from 1000 ms on. */
export interface MapSpec {
  general: Record<string, string | number>;
  metadata: Record<string, string>;
  difficulty: Record<string, string | number>;
  events: string[];
  timing: string[];
  colours: string[];
  /** Lines of [HitObjects]. */
  objects: string[];
}

export type Change = (map: MapSpec) => void;

export const times = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

export const circle = (time: number, x = 256, y = 192, sound = 8): string => `${x},${y},${time},1,${sound},0:0:0:0:`;

const place = [
  (i: number) => (i % 2 === 0 ? 156 : 356),
  () => 256,
  (i: number) => 246 + 20 * (i % 2),
  (i: number) => 64 + 128 * (i % 4),
] as const;

/** The text of a valid map of a mode and a difficulty's name, after a change. */
export function mapText(mode: 0 | 1 | 2 | 3, version: string, change: Change = () => undefined): string {
  const map: MapSpec = {
    general: { AudioFilename: 'audio.mp3', PreviewTime: 9000, StackLeniency: 0.7, Mode: mode },
    metadata: { Title: 'Song', Artist: 'Someone', Creator: 'Somebody', Version: version },
    difficulty: {
      HPDrainRate: mode === 1 ? 7 : 5,
      CircleSize: mode === 3 ? 4 : mode === 2 ? 5 : 4,
      OverallDifficulty: 5,
      ApproachRate: 5,
      SliderMultiplier: 1.4,
      SliderTickRate: 1,
    },
    events: ['0,0,"bg.png",0,0'],
    timing: ['0,500,4,1,0,60,1,0'],
    colours: ['Combo1 : 255,128,160', 'Combo2 : 96,192,255'],
    objects: times(1000, 41_000, 500).map((time, i) =>
      circle(time, place[mode](i), 192, i % 2 === 0 && mode !== 1 ? 8 : 0),
    ),
  };
  change(map);
  const pairs = (of: Record<string, string | number>) => Object.entries(of).map(([key, value]) => `${key}:${value}`);
  return [
    'osu file format v14',
    '[General]',
    ...pairs(map.general),
    '[Metadata]',
    ...pairs(map.metadata),
    '[Difficulty]',
    ...pairs(map.difficulty),
    '[Events]',
    ...map.events,
    '[TimingPoints]',
    ...map.timing,
    '[Colours]',
    ...map.colours,
    '[HitObjects]',
    ...map.objects,
  ].join('\r\n');
}

/** Takes the objects of a stretch of time out. */
export function clear(map: MapSpec, from: number, to: number) {
  map.objects = map.objects.filter((line) => {
    const time = Number(line.split(',')[2]);
    return time < from || time > to;
  });
}

/** Puts objects in place of those of the whole stretch from 10 to 20 s, of which a second at either side stays empty. */
export const instead =
  (...lines: string[]): Change =>
  (map) => {
    clear(map, 10_001, 19_999);
    const at = map.objects.findIndex((line) => Number(line.split(',')[2]) >= 20_000);
    map.objects.splice(at, 0, ...lines);
  };
