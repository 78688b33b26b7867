import { starsOf } from '../../stars.ts';
import { verifyMap, type Issue } from '../../verify/verify.ts';
import { endOf } from './beatmap/hit-objects.ts';
import { catcher } from './catch/catch.ts';
import { windowOf, type Composer, type Draft, type Score } from './compose.ts';
import { fitStars } from './fit.ts';
import { mania } from './mania/mania.ts';
import type { Mode, Plan } from './plan.ts';
import type { Random } from './random.ts';
import { layScore, type Song } from './song.ts';
import { standard } from './standard/standard.ts';
import { taiko } from './taiko/taiko.ts';

const composers: Record<Mode, Composer> = { 0: standard, 1: taiko, 2: catcher, 3: mania };
const fewestObjects = 5;
const shortestMapMs = 2_000;
/** In place of stars: too little of a map, so that the fit asks for more. */
const noMap = -100;
/** A target that is missed by more counts as out of reach. */
export const starsTolerance = 0.05;
const repairRounds = 5;

/** A map that was tried. */
export interface Attempt {
  draft: Draft;
  text: string;
  stars: number;
  /** What the verifier has against it. */
  blocking: Issue[];
}

/** What a search needs to know and to tell. */
interface Search {
  plan: Plan;
  /** The part of the song that is mapped, ms. */
  window: readonly [from: number, to: number];
  random: Random;
  write(score: Score, draft: Draft): string;
  onAttempt(): void;
}

/**
 * The map of a song that comes nearest to the plan's stars and breaks no rule: on the usual grid, and where that has no room
 * for the stars, on one of half or of double beats.
 */
export function findMap(song: Song, search: Search): Attempt {
  const { plan } = search;
  const swing = plan.style.swing === 0 ? {} : { swing: plan.style.swing > 0 };
  const usual = plan.style.swing === 0 ? song.score : layScore(song, swing);
  const best = repaired(attempts(usual, search));
  const miss = plan.stars - best.stars;
  // Half of a swung beat is no place for anything.
  const swung = usual.grid.tempos.some(({ ticksPerBeat }) => ticksPerBeat === 3);
  if (Math.abs(miss) <= starsTolerance || (swung && miss > 0)) return best;
  const other = repaired(attempts(layScore(song, { ...swing, shift: miss > 0 ? 2 : 0.5 }), search));
  const isNearer = Math.abs(plan.stars - other.stars) < Math.abs(miss);
  return isNearer && other.blocking.length <= best.blocking.length ? other : best;
}

/** One map of a score, without the ticks at the banned times. */
function attempts(whole: Score, { plan, window: [from, to], random, write, onAttempt }: Search) {
  const composer = composers[plan.mode];
  return (banned: ReadonlySet<number>): Attempt => {
    const score = windowOf(whole, from, to, banned);
    const { knobs, stars } = fitStars(plan.stars, composer.spaced, (tried) => {
      const draft = composer.compose(score, plan, tried, random);
      return isMap(draft) ? starsOf(write(whole, draft)) : noMap;
    });
    const draft = composer.compose(score, plan, knobs, random);
    const text = write(whole, draft);
    onAttempt();
    return { draft, text, stars, blocking: blockingIssues(text, stars, plan) };
  };
}

/** What the verifier says against a map, less what was asked for: a short map has a short drain, one without hit sounds none. */
function blockingIssues(text: string, stars: number, plan: Plan): Issue[] {
  const waive = plan.hitsounded ? ['B03'] : ['B03', 'B17'];
  return verifyMap(text, undefined, { stars, waive }).issues.filter(({ level }) => level === 'blocking');
}

/** Maps again without the ticks at which something was against the rules, until nothing is or nothing changes. */
function repaired(attempt: (banned: ReadonlySet<number>) => Attempt): Attempt {
  const banned = new Set<number>();
  let best = attempt(banned);
  for (let round = 0; round < repairRounds && best.blocking.length > 0; round += 1) {
    const before = banned.size;
    for (const { time } of best.blocking) {
      if (time === null) continue;
      const culprit = best.draft.objects.find((object) => time >= object.time - 1 && time <= endOf(object) + 1);
      if (culprit) banned.add(culprit.time);
    }
    if (banned.size === before) break;
    const next = attempt(banned);
    if (next.blocking.length <= best.blocking.length) best = next;
  }
  return best;
}

/** From the first object to the end of the last, ms. */
export const drainOf = ({ objects }: Draft) => (objects.length > 0 ? endOf(objects.at(-1)!) - objects[0]!.time : 0);

/** Whether there is enough of it to be called a map. */
export const isMap = (draft: Draft) => draft.objects.length >= fewestObjects && drainOf(draft) >= shortestMapMs;
