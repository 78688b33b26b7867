// What is measured in osu!taiko: colours, runs, finishers, rolls.
import { nearest } from '../chart.mjs';
import { median, quantile, share } from '../numbers.mjs';
import { chains } from './standard.mjs';

const isKat = ({ bits }) => (bits & (2 | 8)) !== 0;

/** Figures of a taiko chart. Notes are the circles; drumrolls and spinners are counted apart. */
export function measureTaiko(chart) {
  const notes = chart.objects.filter(({ kind }) => kind === 'circle');
  const only = { ...chart, objects: notes };
  const quarter = chains(only, 0.25, () => true);
  const finishers = notes.filter(({ bits }) => bits & 4);
  const onBeats = (wanted) => notes.filter(({ time }) => onBarBeat(chart, time, wanted));
  const colours = sameColourRuns(notes);
  return {
    notesPerSecond: notes.length / (chart.drainMs / 1000),
    katShare: share(notes, isKat),
    finisherShare: finishers.length / notes.length,
    finishersOn1: share(finishers, ({ time }) => onBarBeat(chart, time, [0])),
    changeQuarter: changes(chart, notes, 0.25),
    changeHalf: changes(chart, notes, 0.5),
    changeWhole: changes(chart, notes, 1),
    runMedian: median(quarter),
    runP90: quantile(quarter, 0.9),
    runMost: Math.max(0, ...quarter),
    oddRuns: share(quarter, (length) => length % 2 === 1),
    colourRunMedian: median(colours),
    colourRunP90: quantile(colours, 0.9),
    donOn1: share(onBeats([0]), (note) => !isKat(note)),
    katOn24: share(onBeats([1, 3]), isKat),
    drumrollShare: share(chart.objects, ({ kind }) => kind === 'slider'),
    spinners: chart.objects.filter(({ kind }) => kind === 'spinner').length,
  };
}

function onBarBeat({ grid }, time, wanted) {
  const { barBeat, beatMs } = grid.at(time);
  return nearest(barBeat, beatMs, wanted) !== undefined;
}

/** Share of neighbours at one gap that differ in colour. */
function changes({ grid }, notes, gap) {
  const pairs = notes.slice(1).flatMap((note, i) => {
    const { beatMs } = grid.at(notes[i].time);
    const beats = (note.time - notes[i].time) / beatMs;
    return nearest(beats, beatMs, [gap]) === undefined ? [] : [isKat(note) !== isKat(notes[i])];
  });
  return share(pairs, Boolean);
}

function sameColourRuns(notes) {
  const runs = [];
  notes.forEach((note, i) => {
    if (i > 0 && isKat(note) === isKat(notes[i - 1])) runs[runs.length - 1] += 1;
    else runs.push(1);
  });
  return runs;
}
