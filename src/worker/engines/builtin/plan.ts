import type { TimingPoint } from '../../../shared/reference-beatmap.ts';
import type { Params } from '../../../shared/request.ts';
import type { Tempo } from './hearing/grid.ts';
import { readStyle, type Style } from './style.ts';

export type Mode = 0 | 1 | 2 | 3;

/** What is asked of one map. Seed API names; everything may be unset. */
export type MapParams = Partial<Params> & {
  /** Timing of a reference beatmap. */
  points?: readonly TimingPoint[];
};

/** The settings of one map, whatever the mode. */
export interface Plan {
  mode: Mode;
  stars: number;
  /** 0 Easy, 1 Normal, 2 Hard, 3 Insane, 4 Expert, 5 Expert+. */
  level: number;
  levelName: string;
  hp: number;
  /** Circle size; in mania the number of keys. */
  cs: number;
  od: number;
  ar: number;
  sliderMultiplier: number;
  tickRate: number;
  /** Share of mania's notes that are long. */
  holdRatio: number;
  /** Changes of scroll speed a note (mania, taiko). */
  scrollRatio: number;
  /** Share of the time an object is visible within which objects at one place are stacked so that each can be seen. */
  stackLeniency: number;
  year: number;
  hitsounded: boolean;
  style: Style;
}

/** Bounds of the levels in stars, as MapsetVerifier reads them for all modes. */
const levelBounds = [2, 2.7, 4, 5.3, 6.5];
const levelNames: Record<Mode, readonly string[]> = {
  0: ['Easy', 'Normal', 'Hard', 'Insane', 'Expert', 'Expert'],
  1: ['Kantan', 'Futsuu', 'Muzukashii', 'Oni', 'Inner Oni', 'Inner Oni'],
  2: ['Cup', 'Salad', 'Platter', 'Rain', 'Overdose', 'Overdose'],
  3: ['Easy', 'Normal', 'Hard', 'Insane', 'Expert', 'Expert'],
};

type SettingName = 'hp' | 'cs' | 'od' | 'ar' | 'sliderMultiplier';
type Range = readonly [low: number, high: number];
type Setting = (stars: number, level: number, bpm: number) => number;
const within = (value: number, [low, high]: Range) => tenth(Math.min(high, Math.max(low, value)));
const tenth = (value: number) => Math.round(value * 10) / 10;
const byLevel =
  (...values: readonly number[]): Setting =>
  (_stars, level) =>
    values[level]!;
const fitted =
  (base: number, perStar: number, ranges: readonly Range[]): Setting =>
  (stars, level) =>
    within(base + perStar * stars, ranges[level]!);
const one = (range: Range): Range[] => Array.from({ length: 6 }, () => range);

/**
 * People slow the sliders of fast songs down: 0.79 √S (160 ÷ BPM)^0.52, a fit of logarithms over 125 ranked standard maps. A song that is
 * written below 90 BPM is as fast as at twice that.
 */
const sliderMultiplierOf: Setting = (stars, _level, bpm) =>
  within(0.79 * Math.sqrt(stars) * (160 / (bpm < 90 ? 2 * bpm : bpm)) ** 0.52, [0.7, 2.4]);

/**
 * Usual settings by mode: linear fits over ranked maps (standard: AR 3.14 + 1.03 S, OD 2.2 + 1.06 S, HP 3.7 + 0.38 S, slider multiplier by tempo; catch: AR = OD 5.6 + 0.67 S, CS 2.25 + 0.32 S), kept in the ranking criteria's range of the level.
 */
const settings: Record<Mode, Record<SettingName, Setting>> = {
  0: {
    hp: fitted(3.7, 0.38, [
      [1, 3],
      [3, 5],
      [4, 6],
      [5, 8],
      [5, 8],
      [5, 8],
    ]),
    cs: byLevel(3, 3.5, 4, 4, 4, 4),
    od: fitted(2.2, 1.06, [
      [1, 3],
      [3, 5],
      [5, 7],
      [7, 9],
      [8, 9.6],
      [8, 9.8],
    ]),
    ar: fitted(3.14, 1.03, [
      [2, 5],
      [4, 6],
      [6, 8],
      [7, 9.3],
      [8, 9.8],
      [9, 10],
    ]),
    sliderMultiplier: sliderMultiplierOf,
  },
  1: {
    hp: byLevel(8, 7, 6, 5.5, 5.5, 5.5),
    cs: byLevel(5, 5, 5, 5, 5, 5),
    od: byLevel(3, 4, 5, 5.5, 6, 6.5),
    ar: byLevel(5, 5, 5, 5, 5, 5),
    sliderMultiplier: byLevel(1.4, 1.4, 1.4, 1.4, 1.4, 1.4),
  },
  2: {
    hp: fitted(2, 0.6, [
      [2, 3],
      [3, 4],
      [4, 5],
      [5, 6],
      [5, 7],
      [5, 7],
    ]),
    cs: fitted(2.25, 0.32, [
      [2, 2.5],
      [2.5, 3],
      [3, 3.5],
      [3.5, 4],
      [4, 4.5],
      [4, 4.5],
    ]),
    od: fitted(5.6, 0.67, [
      [5, 6],
      [6, 7],
      [7, 8],
      [8, 9],
      [9, 9.6],
      [9, 9.8],
    ]),
    ar: fitted(5.6, 0.67, [
      [5, 6],
      [6, 7],
      [7, 8],
      [8, 9],
      [9, 9.6],
      [9, 9.8],
    ]),
    sliderMultiplier: fitted(0.9, 0.14, one([1, 2])),
  },
  3: {
    hp: byLevel(7, 7.5, 8, 8, 8, 8),
    cs: byLevel(4, 4, 4, 4, 4, 4),
    od: byLevel(7, 7.5, 8, 8, 8, 8),
    ar: byLevel(5, 5, 5, 5, 5, 5),
    sliderMultiplier: byLevel(1.4, 1.4, 1.4, 1.4, 1.4, 1.4),
  },
};

/** What descriptors and an early year change in the usual settings of osu!standard. */
function styledSettings({ precision, reading, lowSv, highSv }: Style, year: number, level: number) {
  const slow = 0.75 ** lowSv * 1.3 ** highSv * (year <= 2010 ? 0.9 : 1);
  const changes: Partial<Record<SettingName, { add?: number; times?: number }>> = {
    cs: { add: 1.5 * precision },
    // Below Hard the approach is slow already, and a slower one hides what lies on one place.
    ar: { add: level >= 2 ? -0.7 * reading : 0 },
    sliderMultiplier: { times: slow },
  };
  return changes;
}

const usualLeniency = 0.7;
const perfectLeniency = 0.2;
/** HP of taiko by level for a drain of up to a minute, 3:45, 4:45 and more: the longer a map, the gentler. */
const taikoHp: readonly (readonly [upToMs: number, byLevel: readonly number[]])[] = [
  [60_000, [9, 8, 7, 7, 7, 7]],
  [225_000, [8, 7, 6, 5.5, 5.5, 5.5]],
  [285_000, [7, 6, 5, 5, 5, 5]],
  [Infinity, [6, 5, 4, 4, 4, 4]],
];

const defaultHoldRatio = 0.05;
/** What people's long note maps have and more. */
const longNoteRatio = 0.45;
const defaultYear = 2023;
const usualSong = { drainMs: 120_000, bpm: 160 };

/**
 * Settings for a request; what the request says wins, the rest are the usual ones for its stars and song. `drainMs`: about how long will be
 * played. `bpm`: of most of it. `warnings`: what is not followed.
 */
export function planMap(params: MapParams, { drainMs, bpm } = usualSong): { plan: Plan; warnings: string[] } {
  const mode = (params.gamemode ?? 0) as Mode;
  const stars = params.difficulty ?? 5;
  const level = levelBounds.filter((bound) => stars >= bound).length;
  const { style, warnings } = readStyle(mode, params.descriptors, params.negative_descriptors);
  const year = params.year ?? defaultYear;
  const styled = mode === 0 ? styledSettings(style, year, level) : {};
  const usual = (name: SettingName) => {
    const { add = 0, times = 1 } = styled[name] ?? {};
    return within((settings[mode][name](stars, level, bpm) + add) * times, [0, 10]);
  };
  const usualHp = mode === 1 ? taikoHp.find(([upToMs]) => drainMs <= upToMs)![1][level]! : usual('hp');
  const usualHolds = style.longNotes > 0 ? longNoteRatio * style.longNotes : style.longNotes < 0 ? 0 : defaultHoldRatio;
  if ((params.scroll_speed_ratio ?? 0) > 0 && level <= 1 && (mode === 1 || mode === 3)) {
    warnings.push(`The scroll speed does not change in a map of the level ${levelNames[mode][level]!}.`);
  }
  const plan: Plan = {
    mode,
    stars,
    level,
    levelName: levelNames[mode][level]!,
    hp: params.hp_drain_rate ?? usualHp,
    cs: mode === 3 ? (params.keycount ?? usual('cs')) : (params.circle_size ?? usual('cs')),
    od: params.overall_difficulty ?? usual('od'),
    ar: params.approach_rate ?? usual('ar'),
    sliderMultiplier: params.slider_multiplier ?? usual('sliderMultiplier'),
    tickRate: params.slider_tick_rate ?? 1,
    holdRatio: params.hold_note_ratio ?? usualHolds,
    scrollRatio: params.scroll_speed_ratio ?? 0,
    stackLeniency: level >= 3 && style.stacks > 0 ? perfectLeniency : usualLeniency,
    year,
    hitsounded: params.hitsounded ?? true,
    style,
  };
  return { plan, warnings };
}

/** Length of a slider of one beat of the grid at speed 1, px. */
export const pxPerBeat = ({ sliderMultiplier }: Plan, { pulse }: Tempo): number => (100 * sliderMultiplier) / pulse;

/** Time that an object is visible before it is hit, in ms, by approach rate. */
export function preemptMs(ar: number): number {
  return ar < 5 ? 1200 + (600 * (5 - ar)) / 5 : 1200 - (750 * (ar - 5)) / 5;
}
