// The acceptance criteria that are judged map by map: what is read of a map, how maps are put together, and the goal.
import {
  angleMeans,
  bucketOf,
  catchLimits,
  densityFit,
  densityRange,
  distanceHalfFit,
  gapMeans,
  sliderShareRange,
} from './references.mjs';

const all = [0, 1, 2, 3];
const inside = (value, [low, high]) =>
  Number.isNaN(value) || value === undefined ? undefined : value >= low && value <= high;
const reaches = (value, least) => inside(value, [least, Infinity]);
const staysIn = (value, most) => inside(value, [-Infinity, most]);
const apart = (shares, means) =>
  means && Object.keys(means).reduce((total, name) => total + Math.abs(shares[name] - means[name]), 0);
const density = (map) => map.notesPerSecond ?? map.objectsPerSecond;
const gapsOf = ({ gaps: { quarter, half, whole } }) => ({ quarter, half, whole, other: 1 - quarter - half - whole });
const off = (map) => Math.abs(map.stars - map.params.difficulty);
const reached = (map) => !map.flagged;
const easy = ({ level }) => level <= 1;

const atLeast = (goal) => ({ goal });
const atMost = (goal) => ({ goal, less: true });
const criterion = (take) => (id, what, modes, goal, people, of) => ({ id, what, modes, ...goal, people, take, of });
const [shareOf, medianOf, meanOf] = ['share', 'median', 'mean'].map(criterion);
const ownOnly = (one) => ({ ...one, own: true });

/**
 * Each: id of the criterion, what it says, the modes it holds for, the goal, the figure of human maps as the study recorded it ('' where it
 * has none), and what is read of a map: true or false, a number, or undefined where it does not apply. Maps are put together as the share
 * that is true, the median or the mean. `ownOnly`: of generated maps only, not of human ones.
 */
export const criteria = [
  shareOf('A1', 'maps without a blocking issue', all, atLeast(1), 'nearly all', (map) => map.blocking.length === 0),
  shareOf('A2', 'two parsers agree, not suspicious', all, atLeast(1), '', (map) => map.parsersAgree),
  shareOf('A3', 'every edge within 2 ms of a snap', all, atLeast(1), '.90 .90 – .86', (map) => map.unsnapped === 0),
  meanOf('A3', 'edges within 1 ms of a snap', all, atLeast(0.995), '', (map) => map.snapUnder1),
  ownOnly(
    shareOf('A4', 'stars within 0.05 of reachable targets', all, atLeast(0.95), '', (map) =>
      reached(map) ? off(map) <= 0.05 + 1e-9 : undefined,
    ),
  ),
  ownOnly(
    shareOf('A4', 'stars within 0.10 of reachable targets', all, atLeast(0.99), '', (map) =>
      reached(map) ? off(map) <= 0.1 + 1e-9 : undefined,
    ),
  ),
  ownOnly(
    medianOf('A4', 'median error of stars', all, atMost(0.02), '', (map) => (reached(map) ? off(map) : undefined)),
  ),
  ownOnly(shareOf('A4', 'targets said to be out of reach', all, atMost(0.05), '', (map) => map.flagged)),
  medianOf('A5', 'advisory issues a minute', all, atMost(1), '', (map) => map.advisoryPerMinute),
  medianOf('A6', 'heads within 30 ms of an onset', all, atLeast(0.95), '.86–1', (map) => map.onset30),
  medianOf('A6', 'heads within 20 ms of an onset', all, atLeast(0.85), '.79–.99', (map) => map.onset20),
  medianOf('A6', 'heads within 10 ms of an onset', all, atLeast(0.67), '.67–.99', (map) => map.onset10),
  shareOf('A8', 'density between p10 and p90 of the stars', all, atLeast(0.9), '.80', (map) =>
    inside(density(map), densityRange[map.mode](map.stars)),
  ),
  meanOf('A8', 'relative error of the density to the fit', all, atMost(0.2), '', (map) =>
    Math.abs(density(map) / densityFit[map.mode](map.stars) - 1),
  ),
  shareOf('A9', 'gaps within L1 0.30 of the bucket mean', all, atLeast(0.9), '', (map) =>
    staysIn(apart(gapsOf(map), gapMeans[map.mode][bucketOf(map.mode, map.stars)]), 0.3),
  ),
  medianOf('A10', 'density follows the music (Spearman)', all, atLeast(0.35), '.3–.7', (map) => map.dynamics),
  shareOf('A10', 'density CV 0.2 to 0.55', all, atLeast(0.9), '.36–.48 (value)', (map) =>
    inside(map.densityCv, [0.2, 0.55]),
  ),
  shareOf('A11', 'bars that repeat an earlier one 0.45 to 0.85', all, atLeast(0.9), '.45–.78 (value)', (map) =>
    inside(map.barAgain, [0.45, 0.85]),
  ),
  shareOf('A11', 'distinct bars 0.2 to 0.6', all, atLeast(0.9), '.25–.55 (value)', (map) =>
    inside(map.barUnique, [0.2, 0.6]),
  ),
  shareOf('A11', 'bars that sound alike: rhythm alike ≥ 0.6', all, atLeast(0.9), '', (map) =>
    reaches(map.repeatLikeness, 0.6),
  ),
  shareOf('A12', 'slider share between p10 and p90', [0], atLeast(0.9), '.80', (map) =>
    inside(map.sliderShare, sliderShareRange[bucketOf(0, map.stars)]),
  ),
  shareOf('A12', 'half-beat distance within 25 % of the fit', [0], atLeast(0.9), '', (map) =>
    inside(map.distanceHalf / distanceHalfFit(map.stars), [0.75, 1.25]),
  ),
  shareOf('A12', 'angles within L1 0.4 of the bucket mean', [0], atLeast(0.9), '', (map) =>
    staysIn(apart(map.anglesHalf, angleMeans[bucketOf(0, map.stars)]), 0.4),
  ),
  shareOf('A12', 'E, N: objects over earlier ones ≤ 2 %', [0], atLeast(0.9), '', (map) =>
    easy(map) ? map.overlaps <= 0.02 : undefined,
  ),
  shareOf('A12', 'E, N: time and distance agree ≥ 98 %', [0], atLeast(0.9), '', (map) =>
    easy(map) ? reaches(map.timeDistance, 0.98) : undefined,
  ),
  shareOf('A13', '≥ 4★: 85 % of width, 80 % of height used', [0], atLeast(0.95), '1', (map) =>
    map.stars >= 4 ? map.widthUse >= 0.85 && map.heightUse >= 0.8 : undefined,
  ),
  shareOf('A13', 'no combo shape more than 3 times in a row', [0], atLeast(0.95), '', (map) => map.sameChunks <= 3),
  shareOf('A14', 'kat share 0.38 to 0.60', [1], atLeast(0.9), '.46–.50 (value)', (map) =>
    inside(map.katShare, [0.38, 0.6]),
  ),
  shareOf('A14', 'odd 1/4 runs ≥ 80 %', [1], atLeast(0.9), '.84–1 (value)', (map) => reaches(map.oddRuns, 0.8)),
  shareOf('A14', '≥ 4★: colour change at 1/4 0.45 to 0.70', [1], atLeast(0.9), '.58 (value)', (map) =>
    map.stars >= 4 ? inside(map.changeQuarter, [0.45, 0.7]) : undefined,
  ),
  shareOf('A14', 'don on beat 1 ≥ 50 %', [1], atLeast(0.9), '.52–.80 (value)', (map) => reaches(map.donOn1, 0.5)),
  shareOf('A14', 'kat on beats 2 and 4 ≥ 55 %', [1], atLeast(0.9), '.60–.78 (value)', (map) =>
    reaches(map.katOn24, 0.55),
  ),
  medianOf('A14', 'colour told by the spectrum (AUC)', [1], atLeast(0.65), '', (map) => map.colourAuc),
  shareOf('A15', 'a perfect player catches everything', [2], atLeast(1), '1', (map) => map.catchable),
  shareOf('A15', 'x from 0 to 512', [2], atLeast(1), '', (map) => map.xInside),
  shareOf('A15', 'dashes and hyperdashes of the level', [2], atLeast(0.9), '', ({ level, hyperShare, dashShare }) =>
    [hyperShare <= catchLimits[level].hyper, dashShare <= catchLimits[level].dash].every(Boolean),
  ),
  ownOnly(
    shareOf(
      'A16',
      'long-note ratio as asked, ± 0.02',
      [3],
      atLeast(1),
      '',
      (map) => Math.abs(map.longNoteShare - (map.params.hold_note_ratio ?? 0.05)) <= 0.02,
    ),
  ),
  shareOf('A16', '≥ 200 notes: column CV ≤ 0.08', [3], atLeast(0.95), '.03–.13 (value)', (map) =>
    map.objects >= 200 ? map.columnCv <= 0.08 : undefined,
  ),
  shareOf('A16', '< 4★: jacks up to 1/4 ≤ 2 %', [3], atLeast(0.95), '0–.015 (value)', (map) =>
    map.stars < 4 ? map.jackQuarter <= 0.02 : undefined,
  ),
  shareOf('A16', 'every column used', [3], atLeast(1), '', (map) => map.notesInColumns.every((notes) => notes > 0)),
  shareOf('A17', 'new combos on a beat ≥ 75 %', [0, 2], atLeast(0.95), '.75–.91 (value)', (map) =>
    reaches(map.comboOnBeat, 0.75),
  ),
  shareOf('A17', 'combo length p90 ≤ 10', [0, 2], atLeast(0.95), '5–7 (value)', (map) => map.comboP90 <= 10),
  shareOf(
    'A17',
    'kiai at most 45 %, on downbeats',
    all,
    atLeast(0.95),
    '',
    (map) => map.kiaiShare <= 0.45 && (map.kiaiSections === 0 || map.kiaiOnDownbeat === 1),
  ),
  shareOf('A17', 'a kiai in songs over 60 s', all, atLeast(0.95), '', (map) =>
    (map.songSeconds ?? map.seconds) > 60 ? map.kiaiSections > 0 : undefined,
  ),
  shareOf('A18', 'edges with an addition 45 to 75 %', [0, 2], atLeast(0.95), '.48–.70 (value)', (map) =>
    inside(map.additionShare, [0.45, 0.75]),
  ),
  shareOf('A18', 'claps on beats 2 and 4 ≥ 60 %', [0, 2], atLeast(0.95), '.49–.83 (value)', (map) =>
    reaches(map.clapsOn24, 0.6),
  ),
  shareOf('A18', 'no 12 s without an addition', [0, 2], atLeast(0.95), '', (map) => map.additionGap <= 12),
];
