/** What is asked of one map. Seed API names; everything but the mode may be unset. */
export interface MapParams {
  gamemode?: number;
  difficulty?: number;
  hp_drain_rate?: number;
  circle_size?: number;
  overall_difficulty?: number;
  approach_rate?: number;
  slider_multiplier?: number;
  slider_tick_rate?: number;
  seed?: number;
  start_time?: number;
  end_time?: number;
  export_osz?: boolean;
  hitsounded?: boolean;
  title?: string;
  artist?: string;
  title_unicode?: string;
  artist_unicode?: string;
  creator?: string;
  version?: string;
  source?: string;
  tags?: string;
  bpm?: number;
  offset?: number;
  preview_time?: number;
}

/** The settings of one osu!standard map. */
export interface Plan {
  stars: number;
  /** 0 Easy, 1 Normal, 2 Hard, 3 Insane, 4 Expert. */
  level: number;
  hp: number;
  cs: number;
  od: number;
  ar: number;
  sliderMultiplier: number;
  /** Length of a slider of one beat of the grid, px. */
  pxPerBeat: number;
  tickRate: number;
  /** Share of objects that are sliders. */
  sliderShare: number;
  /** Rhythm events (heads and tails) a second. */
  eventsPerSecond: number;
  /** Speed in px/ms between two circles half a beat apart. */
  jumpSpeed: number;
}

const levelBounds = [2, 2.7, 4, 5.3];
export const levelNames = ['Easy', 'Normal', 'Hard', 'Insane', 'Expert'] as const;
const circleSizes = [3, 3.5, 4, 4, 4];
const sliderShares = [0.7, 0.52, 0.54, 0.46, 0.38];
/** Usual AR and OD by level (ranking criteria), which the fits are kept in. */
const arRange = [
  [2, 5],
  [4, 6],
  [6, 8],
  [7, 9.3],
  [8, 9.8],
] as const;
const odRange = [
  [1, 3],
  [3, 5],
  [5, 7],
  [7, 9],
  [8, 9.6],
] as const;

/**
 * Difficulty settings for a star rating: linear fits over 88 ranked maps (objects/s 0.77 S, events/s 1.20 S, AR 3.14 + 1.03 S,
 * OD 2.2 + 1.06 S, HP 3.7 + 0.38 S, slider multiplier 0.92 + 0.143 S, half-beat jump speed −0.35 + 0.24 S px/ms), kept in the
 * range of the level. What the request says wins. `pulse`: grid beats in a beat of the song.
 */
export function planMap(params: MapParams, pulse: number): Plan {
  const stars = params.difficulty ?? 5;
  const level = levelBounds.filter((bound) => stars >= bound).length;
  const within = (value: number, [low, high]: readonly [number, number]) => tenth(Math.min(high, Math.max(low, value)));
  const sliderMultiplier =
    params.slider_multiplier ??
    within((0.92 + 0.143 * stars) * pulse, [Math.max(0.4, 0.8 * pulse), Math.min(3.6, 2 * pulse)]);
  return {
    stars,
    level,
    hp: params.hp_drain_rate ?? within(3.7 + 0.38 * stars, [2, 7]),
    cs: params.circle_size ?? circleSizes[level]!,
    od: params.overall_difficulty ?? within(2.2 + 1.06 * stars, odRange[level]!),
    ar: params.approach_rate ?? within(3.14 + 1.03 * stars, arRange[level]!),
    sliderMultiplier,
    pxPerBeat: (100 * sliderMultiplier) / pulse,
    tickRate: params.slider_tick_rate ?? 1,
    sliderShare: sliderShares[level]!,
    eventsPerSecond: Math.max(0.8, 1.2 * stars - 0.14),
    jumpSpeed: Math.max(0.25, -0.35 + 0.24 * stars),
  };
}

const tenth = (value: number) => Math.round(value * 10) / 10;

/** Time that an object is visible before it is hit, in ms, by approach rate. */
export function preemptMs(ar: number): number {
  return ar < 5 ? 1200 + (600 * (5 - ar)) / 5 : 1200 - (750 * (ar - 5)) / 5;
}

/** Radius of a circle in px, by circle size. */
export const circleRadius = (cs: number): number => 54.4 - 4.48 * cs;
