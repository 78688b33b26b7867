// Whether a map is what was asked for: settings as given, the window, no hit sounds, descriptors that move what they name (A18, A21).
import { deviation, mean } from './numbers.mjs';
import { mapOf } from './matrix.mjs';
import { readChart } from './chart.mjs';

const asked = {
  hp_drain_rate: 3.3,
  circle_size: 3.7,
  overall_difficulty: 6.1,
  approach_rate: 7.2,
  slider_multiplier: 1.25,
  slider_tick_rate: 2,
};
const written = ({ hp, cs, od, ar, sliderMultiplier, tickRate, keys }, mode) => ({
  hp_drain_rate: hp,
  ...(mode === 3 ? { keycount: keys } : { circle_size: cs }),
  overall_difficulty: od,
  approach_rate: ar,
  slider_multiplier: sliderMultiplier,
  slider_tick_rate: tickRate,
});

/** Descriptors by both names they go by, the mode and stars they are tried at, and the figure that each moves up (1) or down (−1). */
const descriptors = [
  { name: 'skillset/jumps', mode: 0, moves: 'jumpShare', way: 1, of: (map) => map.jumpShare },
  { name: 'skillset/streams', mode: 0, moves: 'gap 1/4', way: 1, of: (map) => map.gaps.quarter },
  { name: 'gimmick/slider only', mode: 0, moves: 'slider share', way: 1, of: (map) => map.sliderShare },
  { name: 'gimmick/circle only', mode: 0, moves: 'slider share', way: -1, of: (map) => map.sliderShare },
  { name: 'sliders/high sv', mode: 0, moves: 'slider speed', way: 1, of: (map) => map.sliderSpeed },
  { name: 'sliders/low sv', mode: 0, moves: 'slider speed', way: -1, of: (map) => map.sliderSpeed },
  { name: 'jumps/sharp', mode: 0, moves: 'angles under 60°', way: 1, of: (map) => map.anglesHalf.sharp },
  { name: 'jumps/wide', mode: 0, moves: 'angles 60–120°', way: 1, of: (map) => map.anglesHalf.wide },
  { name: 'expression/high contrast', mode: 0, moves: 'density CV', way: 1, of: (map) => map.densityCv },
  { name: 'style/mono-heavy', mode: 1, moves: 'colour change 1/2', way: -1, of: (map) => map.changeHalf },
  { name: 'style/finisher-heavy', mode: 1, moves: 'finishers', way: 1, of: (map) => map.finisherShare },
  { name: 'style/jumpstream', mode: 3, moves: 'chords of two', way: 1, of: (map) => map.chords[2] },
];
const triedAt = 5;

const triedIn = (modes) => descriptors.filter(({ mode }) => modes.includes(mode));

/** Maps of one opened song with and without each descriptor of the modes: [{ name, plain, styled }] of the figure. */
export function descriptorFigures(open, modes) {
  const plain = new Map();
  return triedIn(modes).map(({ name, mode, of }) => {
    const params = { gamemode: mode, difficulty: triedAt, seed: 1 };
    if (!plain.has(mode)) plain.set(mode, mapOf(open, params));
    const styled = mapOf(open, { ...params, descriptors: [name] });
    const value = (map) => (map.failed ? NaN : of(map));
    return { name, plain: value(plain.get(mode)), styled: value(styled) };
  });
}

/**
 * Effect of each descriptor over songs in standard deviations of the figure among the plain maps and the styled ones, in the direction that
 * the descriptor states.
 */
export function descriptorEffects(figures, modes) {
  return triedIn(modes).map(({ name, moves, way }) => {
    const pairs = figures.flat().filter((one) => one.name === name && Number.isFinite(one.plain + one.styled));
    const [plain, styled] = [pairs.map((one) => one.plain), pairs.map((one) => one.styled)];
    const spread = Math.sqrt((deviation(plain) ** 2 + deviation(styled) ** 2) / 2);
    const moved = way * (mean(styled) - mean(plain));
    const effect = moved === 0 ? 0 : moved / Math.max(spread, 1e-9);
    return { name, moves, plain: mean(plain), styled: mean(styled), effect };
  });
}

/** Requests (settings to three digits: the parser reads them as 32-bit floats) whose answer is a plain yes or no, for one opened song: [{ what, ok }]. */
export function plainRequests(open, modes) {
  const base = (mode) => ({ gamemode: mode, difficulty: 4, seed: 1 });
  const chartOf = (params) => {
    const map = mapOf(open, params);
    return map.failed ? undefined : readChart(map.text);
  };
  const settings = modes.map((mode) => {
    const { circle_size: size, ...rest } = asked;
    const params = mode === 3 ? { ...rest, keycount: 6 } : { ...rest, circle_size: size };
    const chart = chartOf({ ...base(mode), ...params });
    const got = chart && written(chart, mode);
    return {
      what: 'settings',
      ok: got !== undefined && Object.keys(params).every((name) => Math.abs(got[name] - params[name]) < 1e-3),
    };
  });
  const [from, to] = [Math.round(open.song.duration_s * 250), Math.round(open.song.duration_s * 750)];
  const windows = modes.map((mode) => {
    const chart = chartOf({ ...base(mode), start_time: from, end_time: to });
    return { what: 'window', ok: chart !== undefined && chart.first >= from && chart.last <= to };
  });
  const silent = modes
    .filter((mode) => mode !== 1)
    .map((mode) => {
      const chart = chartOf({ ...base(mode), hitsounded: false });
      return {
        what: 'silent',
        ok: chart !== undefined && chart.objects.every(({ edges }) => edges.every(({ bits }) => bits === 0)),
      };
    });
  return [...settings, ...windows, ...silent];
}
