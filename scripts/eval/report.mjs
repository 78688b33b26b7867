// Tables of text: one row a criterion, fixed widths, no colour, the same bytes for the same figures.
import { mean, median, share } from './numbers.mjs';

export const modeNames = ['standard', 'taiko', 'catch', 'mania'];
const widths = { id: 4, what: 44, goal: 7, figure: 8 };

/** A text cut or padded to a width in characters. */
export const cell = (value, width) => [...String(value)].slice(0, width).join('').padEnd(width);
/** A number without its leading 0; – for what was not measured. */
export const figure = (value, digits = 2, width = widths.figure) =>
  (Number.isFinite(value) ? value.toFixed(digits).replace(/^(-?)0\./, '$1.') : '–').padStart(width);

/** A part's title, underlined. */
export const heading = (text) => `\n${text}\n${'-'.repeat(text.length)}`;

/** Figures of one criterion over maps: a number, NaN where it applies to none. Failed maps count as not passing a share. */
function reach({ of, take, own }, maps, human = false) {
  if (own && human) return NaN;
  const values = maps.map((map) => (map.failed ? (take === 'share' ? false : undefined) : of(map)));
  const known = values.filter((value) => value !== undefined && !Number.isNaN(value));
  if (take === 'share') return share(known, Boolean);
  return (take === 'median' ? median : mean)(known);
}

const passes = ({ goal, less }, value) => (less ? value <= goal + 1e-9 : value >= goal - 1e-9);

/** One line of a criterion: goal, what was reached over all and in each mode, the verdict, what people reach (recorded and, where given, live). */
export function criterionLine(criterion, maps, humans) {
  const { id, what, modes, goal, less, people } = criterion;
  const mine = maps.filter(({ mode }) => modes.includes(mode));
  const overall = reach(criterion, mine);
  const byMode = [0, 1, 2, 3].map((mode) => {
    const here = mine.filter((map) => map.mode === mode);
    return figure(here.length > 0 ? reach(criterion, here) : NaN);
  });
  const live = humans
    ? figure(
        reach(
          criterion,
          humans.filter(({ mode }) => modes.includes(mode)),
          true,
        ),
      )
    : '';
  return line({ id, what, goal, less, overall, byMode, people, live });
}

/** Any row of the table; `overall` NaN is not measured. */
export function line({ id, what, goal, less, overall, byMode = ['', '', '', ''], people = '', live = '' }) {
  const sense = goal === undefined ? '' : `${less ? '≤' : '≥'} ${goal}`;
  const verdict =
    goal === undefined || !Number.isFinite(overall) ? '–' : passes({ goal, less }, overall) ? 'pass' : 'FAIL';
  const columns = byMode.map((text) => String(text).padStart(widths.figure)).join('');
  return `${cell(id, widths.id)}${cell(what, widths.what)}${cell(sense, widths.goal)}${figure(overall)} ${columns}  ${cell(verdict, 5)}${cell(people, 16)}${live}`.trimEnd();
}

/** A part's title with the names of the columns of `line`. */
export function tableHead(title) {
  const columns = modeNames.map((name) => name.padStart(widths.figure)).join('');
  return `${heading(title)}\n${cell('', widths.id)}${cell('criterion', widths.what)}${cell('goal', widths.goal)} reached ${columns}  ${cell('', 5)}${cell('people', 16)}  live`;
}
