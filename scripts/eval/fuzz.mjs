// Requests drawn at random, all of them such as the API takes: each gives a map that breaks no rule, or is refused by name (A1).
import { mapOf } from './matrix.mjs';

/** Requests a song; 45 songs make 315. */
const perSong = 7;

/** Numbers in [0, 1) from a number: mulberry32, the same on every machine. */
function drawFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const styles = [
  'skillset/jumps',
  'skillset/streams',
  'skillset/tech',
  'expression/simple',
  'expression/high contrast',
  'gimmick/slider only',
  'gimmick/circle only',
  'style/grid snap',
  'style/symmetrical',
  'style/jumpstream',
  'style/chordjack',
  'sliders/high sv',
  'sliders/low sv',
  'meta/swing',
];

/** One request. Every parameter but the mode, the stars and the seed is there about every third time. */
function drawRequest(draw, songMs) {
  const between = (low, high, step = 0.1) => Math.round((low + draw() * (high - low)) / step) * step;
  const tenths = (low, high) => Math.round(between(low, high) * 10) / 10;
  const one = (list) => list[Math.floor(draw() * list.length)];
  const mode = one([0, 1, 2, 3]);
  const values = {
    hp_drain_rate: tenths(0, 10),
    overall_difficulty: tenths(0, 10),
    approach_rate: tenths(0, 10),
    slider_multiplier: tenths(0.6, 3),
    slider_tick_rate: one([1, 2, 3, 4]),
    ...(mode === 3 ? { keycount: one([4, 5, 6, 7, 8, 9, 10]), hold_note_ratio: between(0, 1, 0.05) } : {}),
    ...(mode === 0 || mode === 2 ? { circle_size: tenths(2, 7) } : {}),
    ...(mode === 1 || mode === 3 ? { scroll_speed_ratio: between(0, 0.3, 0.05) } : {}),
    year: Math.round(between(2007, 2024, 1)),
    hitsounded: draw() < 0.5,
    descriptors: [one(styles), one(styles)],
  };
  const kept = Object.fromEntries(Object.entries(values).filter(() => draw() < 0.35));
  const start = Math.round(draw() * 0.3 * songMs);
  const window = draw() < 0.2 ? { start_time: start, end_time: Math.round(start + (0.3 + draw() * 0.4) * songMs) } : {};
  return { gamemode: mode, difficulty: tenths(0.5, 9), seed: Math.floor(draw() * 2 ** 31), ...kept, ...window };
}

/** Answers to the song's requests: { params, ok, why } where `why` are the blocking issues or the error. `number`: the song's place. */
export function fuzzed(open, number) {
  return Array.from({ length: perSong }, (_, i) => {
    const params = drawRequest(drawFrom(1000 * number + i), open.song.duration_s * 1000);
    const answer = (ok, why) => ({ song: open.song.id, params, ok, why });
    const map = mapOf(open, params);
    if (map.failed) return answer(map.refused, map.failed);
    const waived = new Set([
      ...(params.start_time === undefined ? [] : ['B03']),
      ...(params.hitsounded === false ? ['B17'] : []),
    ]);
    const why = map.blocking.filter((id) => !waived.has(id));
    return answer(why.length === 0, [...new Set(why)].join(' '));
  });
}
