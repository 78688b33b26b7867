import { finite, type Beatmap } from './beatmap.ts';
import { drainMs, type Check } from './judged.ts';

/** B09: a point from which the song is previewed. */
export const preview: Check = ({ map }, find) => {
  const time = finite(map.general.get('PreviewTime'));
  if (time === null || time === -1) find('B09', 'blocking', null, 'there is no preview point');
};

const legalKeys = [4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18];

/** B11: settings in their range, with one decimal. */
export const legalSettings: Check = ({ map }, find) => {
  for (const name of ['HPDrainRate', 'CircleSize', 'OverallDifficulty', 'ApproachRate']) {
    const text = map.difficulty.get(name);
    const value = finite(text);
    const keys = name === 'CircleSize' && map.mode === 3;
    if (text === undefined) continue; // old formats have no approach rate
    if (value === null || value < 0 || (value > 10 && !keys))
      find('B11', 'blocking', null, `${name} ${text} is not 0 to 10`);
    // Old editors wrote 32-bit floats: 6.19999980926514 is 6.2.
    else if (Math.abs(value * 10 - Math.round(value * 10)) > 1e-4)
      find('B11', 'blocking', null, `${name} ${text} has more than one decimal`);
    else if (keys && !legalKeys.includes(value)) find('B11', 'blocking', null, `there are no maps of ${text} keys`);
  }
  const { tickRate } = map;
  const legal = Number.isInteger(tickRate)
    ? tickRate >= 1
    : [0.5, 4 / 3, 1.5].some((rate) => Math.abs(rate - tickRate) < 1e-3);
  if (!legal) find('B11', 'blocking', null, `a tick rate of ${tickRate}`);
};

/** B12: combo colours, in the modes that show them, which can be told from the dark. Luminosity as in HSP. */
export const comboColours: Check = ({ map }, find) => {
  if (map.mode === 1 || map.mode === 3) return;
  const own = map.comboColours.length;
  if (own < 2 && !(own === 0 && map.general.get('SkinPreference') === 'Default'))
    find('B12', 'blocking', null, `${own} combo colours, not two or more`);
  map.comboColours.forEach(([r, g, b], i) => {
    const light = Math.sqrt(0.299 * r * r + 0.587 * g * g + 0.114 * b * b);
    if (light < 30) find('B12', 'blocking', null, `combo colour ${i + 1} is too dark (${Math.round(light)})`);
    else if (light < 43) find('B12', 'advisory', null, `combo colour ${i + 1} is dark (${Math.round(light)})`);
    else if (light > 250 && map.timing.sorted.some(({ kiai }) => kiai))
      find('B12', 'advisory', null, `combo colour ${i + 1} is very bright for kiai (${Math.round(light)})`);
  });
};

const longestField = 81;

/** B16: names are there, the romanised ones in ASCII, none longer than the game shows. */
export const metadata: Check = ({ map: { metadata: fields } }, find) => {
  for (const name of ['Artist', 'Title', 'Creator', 'Version'])
    if (!fields.get(name)) find('B16', 'blocking', null, `${name} is empty`);
  for (const name of ['Artist', 'Title'])
    if (/[^\x20-\x7e]/.test(fields.get(name) ?? '')) find('B16', 'blocking', null, `${name} is not ASCII`);
  for (const name of ['Artist', 'ArtistUnicode', 'Title', 'TitleUnicode', 'Creator', 'Version'])
    if ((fields.get(name) ?? '').length > longestField)
      find('B16', 'blocking', null, `${name} is longer than ${longestField} characters`);
};

/** What the score of one slider tick and of one slider edge counts in ScoreV1. */
const [tickScore, edgeScore, hitScore] = [10, 30, 300];
/** HDHRDTFL */
const modMultiplier = 1.06 * 1.06 * 1.12 * 1.12;

/** Ticks of one way of a slider: none at its end. */
const ticksOf = (length: number, { sliderMultiplier, tickRate }: Beatmap) =>
  Math.max(0, Math.ceil((length * tickRate) / (100 * sliderMultiplier)) - 1);

/** B18: the score and the combo of a perfect play with four mods fit into what the game counts with. */
export const countable: Check = ({ map }, find) => {
  const tagged = /\blazer-only\b/.test(map.metadata.get('Tags') ?? '');
  if (tagged || map.mode % 2 === 1) return; // rolls and long notes count otherwise, and such maps are far from the limit
  const drain = Math.max(1, drainMs(map) / 1000);
  const density = Math.min(16, Math.max(0, (map.objects.length / drain) * 8));
  const multiplier = Math.round(((map.hp + map.cs + map.od + density) / 38) * 5) * modMultiplier;
  let combo = 0;
  let score = 0;
  for (const { kind, slider } of map.objects) {
    if (kind === 'spinner' && map.mode !== 0) continue;
    const ticks = slider ? slider.slides * ticksOf(slider.length, map) : 0;
    combo += slider ? 1 + slider.slides + ticks : 1;
    score += tickScore * ticks + (slider ? edgeScore * (slider.slides + 1) : 0);
    score += hitScore + (hitScore * Math.max(0, combo - 1) * multiplier) / 25;
  }
  if (score > 2 ** 31 - 1) find('B18', 'blocking', null, 'the score of a perfect play does not fit');
  if (combo > 65_535) find('B18', 'blocking', null, 'the combo of a perfect play does not fit');
};
