// Statistics of lists. An empty list gives NaN: not measured, never 0.

export const sum = (list) => list.reduce((total, value) => total + value, 0);
export const mean = (list) => (list.length > 0 ? sum(list) / list.length : NaN);
/** Share of the list that passes, 0 to 1. */
export const share = (list, test) => (list.length > 0 ? list.filter(test).length / list.length : NaN);

export function deviation(list) {
  const middle = mean(list);
  return Math.sqrt(mean(list.map((value) => (value - middle) ** 2)));
}

/** The q-quantile (0 to 1), between neighbours linear. NaN values are left out. */
export function quantile(list, q) {
  const sorted = list.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

export const median = (list) => quantile(list, 0.5);

/** Ranks with ties at their mean. */
function ranks(list) {
  const order = list.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const out = new Array(list.length);
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j < order.length && order[j].value === order[i].value) j += 1;
    for (let k = i; k < j; k += 1) out[order[k].index] = (i + j - 1) / 2;
    i = j;
  }
  return out;
}

/** Spearman's rank correlation; NaN for fewer than four pairs or a constant list. */
export function spearman(a, b) {
  if (a.length < 4) return NaN;
  const [x, y] = [ranks(a), ranks(b)];
  const [mx, my] = [mean(x), mean(y)];
  const top = sum(x.map((value, i) => (value - mx) * (y[i] - my)));
  const bottom = Math.sqrt(sum(x.map((value) => (value - mx) ** 2)) * sum(y.map((value) => (value - my) ** 2)));
  return bottom > 0 ? top / bottom : NaN;
}

/**
 * Area under the ROC curve: how often a positive has the higher score, ties counted half. `weights` default to 1.
 */
export function auc(scores, positive, weights = scores.map(() => 1)) {
  const order = scores.map((score, i) => ({ score, yes: positive[i], weight: weights[i] }));
  order.sort((a, b) => a.score - b.score);
  let [below, won, yes, no] = [0, 0, 0, 0];
  for (let i = 0; i < order.length;) {
    let j = i;
    let [tiedYes, tiedNo] = [0, 0];
    for (; j < order.length && order[j].score === order[i].score; j += 1) {
      if (order[j].yes) tiedYes += order[j].weight;
      else tiedNo += order[j].weight;
    }
    won += tiedYes * (below + tiedNo / 2);
    below += tiedNo;
    yes += tiedYes;
    no += tiedNo;
    i = j;
  }
  return yes > 0 && no > 0 ? won / (yes * no) : NaN;
}
