// Can generated maps be told from human ones? Logistic regression on figures of a map, five folds by song: A22.
import { auc, deviation, mean } from './numbers.mjs';
import { bucketOf } from './references.mjs';

const folds = 5;
const ridge = 1;
const rounds = 300;
const rate = 0.3;
/** A mode with fewer human maps than this is not judged: five folds of so few say nothing. */
const fewestMaps = 15;

const common = [
  ['density', (map) => map.notesPerSecond ?? map.objectsPerSecond],
  ['events', (map) => map.eventsPerSecond / map.rowsPerSecond],
  ['gap 1/4', (map) => map.gaps.quarter],
  ['gap 1/2', (map) => map.gaps.half],
  ['gap 1/1', (map) => map.gaps.whole],
  ['gap 3/2', (map) => map.gaps.threeHalf],
  ['on beat', (map) => map.phases.beat],
  ['on half', (map) => map.phases.half],
  ['density CV', (map) => map.densityCv],
  ['bars again', (map) => map.barAgain],
  ['bars as before', (map) => map.barPrevious],
  ['distinct bars', (map) => map.barUnique],
];
const ofMode = [
  [
    ['slider share', (map) => map.sliderShare],
    ['reverses', (map) => map.reverseShare],
    ['distance 1/2', (map) => map.distanceHalf],
    ['distance CV', (map) => map.distanceHalfCv],
    ['distance 1/1', (map) => map.distanceWhole],
    ['angle', (map) => map.angleHalf],
    ['stacks', (map) => map.stacks],
    ['combo', (map) => map.comboMedian],
  ],
  [
    ['kats', (map) => map.katShare],
    ['finishers', (map) => map.finisherShare],
    ['change 1/4', (map) => map.changeQuarter],
    ['change 1/2', (map) => map.changeHalf],
    ['change 1/1', (map) => map.changeWhole],
    ['run p90', (map) => map.runP90],
    ['odd runs', (map) => map.oddRuns],
    ['don on 1', (map) => map.donOn1],
  ],
  [
    ['slider share', (map) => map.sliderShare],
    ['speed', (map) => map.catchSpeed],
    ['speed p90', (map) => map.catchSpeedP90],
    ['dashes', (map) => map.dashShare],
    ['hyperdashes', (map) => map.hyperShare],
    ['x range', (map) => map.xRange],
    ['turns', (map) => map.turnShare],
    ['combo', (map) => map.comboMedian],
  ],
  [
    ['chord mean', (map) => map.chordMean],
    ['singles', (map) => map.chords[1]],
    ['jumps', (map) => map.chords[2]],
    ['jacks 1/4', (map) => map.jackQuarter],
    ['jacks 1/2', (map) => map.jackHalf],
    ['trills', (map) => map.trillShare],
    ['stairs', (map) => map.stairShare],
    ['column CV', (map) => map.columnCv],
  ],
];

/**
 * AUC of telling generated maps from human ones in one mode, over held-out folds, with the features that weigh most; buckets of stars weigh
 * alike on both sides, so that a difference of stars tells nothing. NaN where there are too few human maps.
 */
export function discriminate(mode, generated, human) {
  const mine = generated.filter((map) => map.mode === mode && !map.failed);
  const theirs = human.filter((map) => map.mode === mode);
  const rows = balanced(mode, mine, theirs);
  if (theirs.length < fewestMaps || mine.length < fewestMaps) return { auc: NaN, telling: [] };
  const features = [...common, ...ofMode[mode]];
  const table = standardised(rows.map(({ map }) => features.map(([, of]) => of(map))));
  const scores = new Array(rows.length).fill(0);
  for (let fold = 0; fold < folds; fold += 1) {
    const learn = rows.map((row) => row.fold !== fold);
    const model = fit(table, rows, learn);
    rows.forEach((row, i) => {
      if (!learn[i]) scores[i] = dot(model, table[i]);
    });
  }
  const model = fit(
    table,
    rows,
    rows.map(() => true),
  );
  const order = features
    .map(([name], i) => ({ name, weight: model[i] }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const area = auc(
    scores,
    rows.map(({ yes }) => yes),
    rows.map(({ weight }) => weight),
  );
  return { auc: area, telling: order.slice(0, 4).map(({ name, weight }) => `${name} ${weight > 0 ? '+' : '−'}`) };
}

/** Rows of buckets that both sides have: { map, yes (generated), weight, fold }; maps of one song or set share a fold. */
function balanced(mode, mine, theirs) {
  const bucket = ({ stars }) => bucketOf(mode, stars);
  const count = (list, b) => list.filter((map) => bucket(map) === b).length;
  const fold = new Map();
  const foldOf = (name) => {
    if (!fold.has(name)) fold.set(name, fold.size % folds);
    return fold.get(name);
  };
  const both = (map) => count(mine, bucket(map)) > 0 && count(theirs, bucket(map)) > 0;
  return [
    ...theirs.filter(both).map((map) => ({ map, yes: false, weight: 1, fold: foldOf(map.set) })),
    ...mine.filter(both).map((map) => ({
      map,
      yes: true,
      weight: count(theirs, bucket(map)) / count(mine, bucket(map)),
      fold: foldOf(map.song),
    })),
  ];
}

/** Columns to mean 0 and deviation 1, a missing value being the mean; a last column of ones. */
function standardised(table) {
  const columns = table[0].map((_, j) => table.map((row) => row[j]).filter(Number.isFinite));
  const scale = columns.map((column) => ({ middle: mean(column), spread: deviation(column) || 1 }));
  return table.map((row) => [
    ...row.map((value, j) => (Number.isFinite(value) ? (value - scale[j].middle) / scale[j].spread : 0)),
    1,
  ]);
}

const dot = (a, b) => a.reduce((total, value, i) => total + value * b[i], 0);

/** Weights by gradient descent on the weighted log loss with a ridge; no start is drawn, so the result is always the same. */
function fit(table, rows, learn) {
  const width = table[0].length;
  let model = new Array(width).fill(0);
  const used = rows.map((_, i) => i).filter((i) => learn[i]);
  const total = used.reduce((sum, i) => sum + rows[i].weight, 0);
  for (let round = 0; round < rounds; round += 1) {
    const slope = new Array(width).fill(0);
    for (const i of used) {
      const miss = 1 / (1 + Math.exp(-dot(model, table[i]))) - (rows[i].yes ? 1 : 0);
      for (let j = 0; j < width; j += 1) slope[j] += rows[i].weight * miss * table[i][j];
    }
    model = model.map((value, j) => value - ((rate * (slope[j] + (j < width - 1 ? ridge * value : 0))) / total) * 4);
  }
  return model;
}
