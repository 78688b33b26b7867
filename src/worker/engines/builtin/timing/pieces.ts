import { sliceFeatures, type Features } from '../hearing/features.ts';
import { strengthsOf } from './beats.ts';
import { beatProfile, chooseBeat } from './choice.ts';
import { refineTempo } from './drift.ts';
import { peakCentre, peakPlace, type Profile } from './fold.ts';
import { beatStrength, gridMean, gridSum, type Section, type SectionSearch } from './sections.ts';

/** A grid must carry this much more than its neighbour's would, or the tempo has not changed. */
const clearlyMore = 1.15;
/** The same tempo half a beat off is nearly always a syncopated passage, and a few ms off another instrument. */
const halfBeatCost = 4;
const sameGridCost = 8;
const sameGridMs = 25;
/** Shorter sections must stand out more. */
const plainLength = 12;
/** Nothing drifts so slowly that longer stretches would show it. */
const longestRefit = 600_000;
const longEnoughToRefine = 11_000;
const boundaryReachMs = 3000;
const offBeatWeight = 0.35;

interface Song {
  features: Features;
  strength: Float32Array;
  hopMs: number;
  main: Section;
  cost: number;
}

/**
 * Sections as the search found them → sections that are worth a timing point: neighbours that one grid explains nearly as well are
 * joined, tempi and phases made exact, changes put on a beat.
 */
export function settleSections(features: Features, found: Section[], main: Section, search: SectionSearch): Section[] {
  const strength = beatStrength(features);
  const { hopMs } = features;
  const ordinary = Math.max(0.5, gridMean(strength, hopMs, main));
  const song = { features, strength, hopMs, main, cost: search.changeCost * ordinary };
  let sections = found.map((section) => refit(song, section));
  sections = joinAlike(song, sections);
  for (let i = 1; i < sections.length; i += 1) placeBoundary(song, sections[i - 1]!, sections[i]!);
  sections = joinAlike(
    song,
    sections.map((section) => refit(song, section)),
  );
  return sections.map((section) => countFromBeat(song, section));
}

const longEnoughToCount = 24;
const surely = 0.8;

/** Beat or off-beat: decided for a section as for a whole song. */
function countFromBeat({ features, main }: Song, section: Section): Section {
  const beatMs = 60_000 / section.bpm;
  if (section.endMs - section.startMs < longEnoughToCount * beatMs) return section;
  const part = sliceFeatures(features, section.startMs, section.endMs);
  const whole = section.bpm === main.bpm && part.features.frames > 0.98 * features.frames;
  const beat = whole ? { ...main, share: 1 } : chooseBeat(part.features, strengthsOf(part.features), section.bpm);
  const phaseMs = whole ? main.phaseMs : beat.phaseMs + part.startMs;
  const onMain = section.bpm === main.bpm && circular(section.phaseMs - main.phaseMs, beatMs) < sameGridMs;
  const sure = circular(phaseMs - section.phaseMs, beatMs) > 0.15 * beatMs && beat.share > surely;
  return onMain || !sure ? section : { ...section, phaseMs: ((phaseMs % beatMs) + beatMs) % beatMs };
}

/** How much of the strength a grid explains in a section; a fast grid does not gain by having more beats. */
function explained({ strength, hopMs, main }: Song, grid: { bpm: number; phaseMs: number }, from: number, to: number) {
  const off = { bpm: grid.bpm, phaseMs: grid.phaseMs + 30_000 / grid.bpm };
  const on = gridSum(strength, hopMs, grid, from, to).sum;
  return ((on + offBeatWeight * gridSum(strength, hopMs, off, from, to).sum) * main.bpm) / grid.bpm;
}

/** The exact tempo and phase of a section; a short one is searched around its tempo. */
function refit(song: Song, section: Section): Section {
  const { features, hopMs, main } = song;
  const from = Math.max(0, Math.round(section.startMs / hopMs));
  const to = Math.min(features.frames, Math.round(section.endMs / hopMs));
  const long = section.endMs - section.startMs >= longEnoughToRefine;
  const refined = long ? refineTempo(features, section.bpm, from, to).bpm : section.bpm;
  const near = long ? [refined] : [0, -0.5, 0.5, -1, 1].map((step) => Math.round(2 * section.bpm) / 2 + step);
  const tempi = [...new Set([...near, section.bpm, ...(Math.abs(refined / main.bpm - 1) < 0.004 ? [main.bpm] : [])])];
  let best = section;
  let most = -Infinity;
  for (const bpm of tempi) {
    const phaseMs = nearestPhase(song, bpm, section, from, to);
    // What people write is preferred, and so is the tempo that the song has elsewhere.
    const plain = (Number.isInteger(bpm) ? 1.01 : 1) * (bpm === main.bpm && Number.isInteger(2 * bpm) ? 1.01 : 1);
    const score = explained(song, { bpm, phaseMs }, section.startMs, section.endMs);
    const value = score > 0 ? score * plain : score;
    if (value > most) [most, best] = [value, { ...section, bpm, phaseMs }];
  }
  return best;
}

/** The top of the folded attacks nearest to where the section's grid has its beat, in the middle of the section. */
function nearestPhase({ features }: Song, bpm: number, section: Section, from: number, to: number): number {
  const beatMs = 60_000 / bpm;
  const middle = (section.startMs + section.endMs) / 2;
  const old = 60_000 / section.bpm;
  const beat = section.phaseMs + Math.round((middle - section.phaseMs) / old) * old;
  const profile = beatProfile(features, beatMs, from, to);
  const top = topNear(profile, ((beat % beatMs) + beatMs) % beatMs);
  const bins = profile.values.length;
  const place = peakPlace(profile.values, ((top % bins) + bins) % bins) * profile.binMs;
  return ((place % beatMs) + beatMs) % beatMs;
}

/** Joins neighbours, the cheapest first, as long as the grid that is lost explained less than a change costs. */
function joinAlike(song: Song, sections: Section[]): Section[] {
  const list = [...sections];
  const join = (i: number) => joinOf(song, list[i]!, list[i + 1]!);
  const joins = list.slice(1).map((_, i) => join(i));
  while (joins.length > 0) {
    const cheapest = joins.reduce((best, { loss }, i) => (loss < joins[best]!.loss ? i : best), 0);
    if (joins[cheapest]!.loss >= 1) break;
    list.splice(cheapest, 2, joins[cheapest]!.section);
    joins.splice(cheapest, 1);
    if (cheapest > 0) joins[cheapest - 1] = join(cheapest - 1);
    if (cheapest < joins.length) joins[cheapest] = join(cheapest);
  }
  return list;
}

/** The two as one section, and what is lost by it: 1 and more is too much. */
function joinOf(song: Song, before: Section, after: Section): { section: Section; loss: number } {
  const whole = { startMs: before.startMs, endMs: after.endMs };
  const length = (section: Section) => section.endMs - section.startMs;
  const own = [before, after].map((part) => explained(song, part, part.startMs, part.endMs));
  const cost = song.cost * doubt(before, after);
  const asOne = (grid: Section) => {
    const common = [before, after].map((part) => explained(song, grid, part.startMs, part.endMs));
    const loss = (own[0]! + own[1]! - common[0]! - common[1]!) / cost;
    const clear = own.some((value, i) => value > clearlyMore * common[i]!);
    return { section: grid, loss: clear ? loss : Math.min(loss, 0.5) };
  };
  const simple = [before, after].map((grid) => asOne({ ...grid, ...whole }));
  const best = simple[0]!.loss <= simple[1]!.loss ? simple[0]! : simple[1]!;
  const related = Math.abs(before.bpm / after.bpm - 1) < 0.03 && whole.endMs - whole.startMs < longestRefit;
  if (best.loss < 1 || !related) return best;
  const longer = length(before) >= length(after) ? before : after;
  const refitted = asOne(refit(song, { ...longer, ...whole }));
  return refitted.loss < best.loss ? refitted : best;
}

/** How many times more than usual a change must gain. */
function doubt(before: Section, after: Section): number {
  const beats = Math.min(...[before, after].map(({ startMs, endMs, bpm }) => ((endMs - startMs) * bpm) / 60_000));
  const short = Math.max(1, plainLength / Math.max(1, beats));
  if (Math.abs(before.bpm / after.bpm - 1) > 0.01) return short;
  const beatMs = 60_000 / after.bpm;
  const old = 60_000 / before.bpm;
  const at = before.phaseMs + Math.round((after.startMs - before.phaseMs) / old) * old;
  const apart = circular(at - after.phaseMs, beatMs);
  if (apart < sameGridMs) return short * sameGridCost;
  return Math.abs(apart / beatMs - 0.5) < 0.12 ? short * halfBeatCost : short;
}

/** Distance on a circle. */
const circular = (apart: number, around: number) => Math.abs(((((apart / around) % 1) + 1.5) % 1) - 0.5) * around;

/**
 * A section with its phase at the centre of the folded attacks around its beat, made later by what the envelope is early. A circle of 30 ms around
 * the beat is searched for the top.
 */
export function exactPhase(features: Features, section: Section): Section {
  const beatMs = 60_000 / section.bpm;
  const from = Math.max(0, Math.round(section.startMs / features.hopMs));
  const to = Math.min(features.frames, Math.round(section.endMs / features.hopMs));
  const profile = beatProfile(features, beatMs, from, to);
  const top = topNear(profile, section.phaseMs);
  const phaseMs = peakCentre(profile, top) * profile.binMs + envelopeLeadMs;
  return { ...section, phaseMs: ((phaseMs % beatMs) + beatMs) % beatMs };
}

/**
 * How much earlier than a chart's beat, its family's lag taken off, the centre lies: median 1.7 ms on 59 songs that are not osu!'s (lag 0), 1.3 on 15
 * ranked ones (lag 21), tuning songs of constant tempo.
 */
const envelopeLeadMs = 1.5;

/** The strongest bin within 30 ms of a time in the period; it may lie outside 0 to the number of bins. */
function topNear({ values, binMs }: Profile, ms: number): number {
  const bins = values.length;
  const at = Math.round(ms / binMs);
  const reach = Math.round(30 / binMs);
  const strength = (bin: number) => values[((bin % bins) + bins) % bins]!;
  let best = at;
  for (let bin = at - reach; bin <= at + reach; bin += 1) if (strength(bin) > strength(best)) best = bin;
  return best;
}

/** Moves a change to the beat of the new grid from which on it explains more than the old one. */
function placeBoundary({ strength, hopMs }: Song, before: Section, after: Section): void {
  const beatMs = 60_000 / after.bpm;
  const low = Math.max(before.startMs + beatMs, after.startMs - boundaryReachMs);
  const high = Math.min(after.endMs - beatMs, after.startMs + boundaryReachMs);
  let best = after.startMs;
  let most = -Infinity;
  for (let n = Math.ceil((low - after.phaseMs) / beatMs); after.phaseMs + n * beatMs <= high; n += 1) {
    const at = after.phaseMs + n * beatMs;
    const split = at - Math.min(beatMs / 4, 60);
    const old = gridSum(strength, hopMs, before, low, split).sum / before.bpm;
    const now = gridSum(strength, hopMs, after, split, high).sum / after.bpm;
    if (old + now > most) [most, best] = [old + now, at];
  }
  before.endMs = best - 1;
  after.startMs = best - 1;
}
