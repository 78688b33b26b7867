/**
 * What the page needs to draw and play a map: the wire between the worker, which makes it out of the `.osu` that it has checked, and the
 * page's canvas. No parser, no ruleset and no stacking is left to the page. Times are ms into the song, rounded to 0.01; positions are
 * osu! pixels (512 × 384) with stacking applied, rounded to 0.1, or to 1 in a map that would be too large to load (docs/preview.md).
 */
export interface Preview {
  version: 1;
  /** The game mode: 0 osu!, 1 taiko, 2 catch, 3 mania. */
  mode: 0 | 1 | 2 | 3;
  title: string;
  artist: string;
  difficulty: string;
  settings: {
    circle_size: number;
    approach_rate: number;
    overall_difficulty: number;
    drain_rate: number;
    slider_multiplier: number;
    slider_tick_rate: number;
    /** Columns of a mania map, else 0. */
    keys: number;
  };
  stars: number | null;
  max_combo: number;
  /**
   * How much later the song is heard in a browser than in the game, ms: the game cuts other samples off some mp3s' starts. An object is to
   * be shown when the audio element is at its time + this.
   */
  audio_shift_ms: number;
  /** The end of the last object. */
  end: number;
  /** `#rrggbb`; objects have the index of theirs. */
  colours: string[];
  /** The lines that set the beat. */
  timing: { time: number; beat_ms: number; meter: number }[];
  /**
   * How fast notes move from this time on, osu! pixels per ms: 100 × slider multiplier × SV ÷ beat length (taiko and mania, else empty). The
   * first holds for the time before it too.
   */
  scroll: [time: number, velocity: number][];
  /** Starts of bars that are drawn (taiko and mania, else empty). */
  barlines: number[];
  kiai: [start: number, end: number][];
  breaks: [start: number, end: number][];
  /** Objects that begin in each second, from 0 on; of catch only fruits. */
  density: number[];
  /**
   * How many there are of each kind: `circles`, `sliders`, `spinners`; `notes`, `drumrolls`, `swells`; `fruits`, `droplets`,
   * `tiny_droplets`, `bananas`; `notes`, `holds`.
   */
  counts: Record<string, number>;
  /**
   * What is heard when each is hit, in order of time. Additions: 2 whistle, 4 finish, 8 clap (a plain hit sounds always), or 1 alone for
   * a slider's tick or a banana, which are softer; bank of the plain hit: 1 normal, 2 soft, 3 drum; volume 0 to 100. In taiko additions
   * are 0 for don, 8 for kat, plus 4 for a big one. Empty in a map that would be too large to load with them.
   */
  sounds: [time: number, additions: number, bank: number, volume: number][];
  objects: PreviewObject[];
}

export type PreviewObject = StandardObject | TaikoObject | CatchObject | ManiaObject;

export type StandardObject =
  | { kind: 'circle'; time: number; x: number; y: number; combo: number; colour: number }
  | {
      kind: 'slider';
      time: number;
      end: number;
      /** x, y, x, y, … of two points or more; the ball goes along it `spans` times, to and fro, at an even speed. */
      path: number[];
      spans: number;
      /** Times of the ticks that are hit, without heads, tails and repeats. */
      ticks: number[];
      combo: number;
      colour: number;
    }
  | { kind: 'spinner'; time: number; end: number };

export type TaikoObject =
  | { kind: 'note'; time: number; kat: boolean; big: boolean }
  | { kind: 'drumroll'; time: number; end: number; big: boolean }
  | { kind: 'swell'; time: number; end: number };

export interface CatchObject {
  kind: 'fruit' | 'droplet' | 'tiny' | 'banana';
  time: number;
  x: number;
  colour: number;
  /** The plate must dash from here to reach the next one. */
  hyper?: true;
}

export interface ManiaObject {
  kind: 'note';
  time: number;
  /** 0 is the leftmost. */
  column: number;
  /** Of a hold. */
  end?: number;
}
