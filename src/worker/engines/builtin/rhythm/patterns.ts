import type { Structure } from '../hearing/structure.ts';
import { sameMetre, type Bar } from './heard.ts';

/** A bar is compared with this many of the newest patterns, so that the cost grows with the song's length only. */
const remembered = 64;
const tolerances = [0.2, 0.25, 0.3, 0.36, 0.43, 0.52, 0.62, 0.75, 0.9, 1.1];
/** How much nearer a bar counts to the pattern of the earlier bar that it repeats. */
const twinCloseness = 0.6;

/**
 * Bars parted into groups that sound alike: joined until there are `variety` × bars groups. Human maps have 0.25 (Easy) to 0.55
 * (Expert) distinct bars a bar.
 */
export function likeBars(evidence: Float64Array, bars: readonly Bar[], { twins }: Structure, variety: number): Bar[][] {
  let groups: Bar[][] = [];
  for (const tolerance of tolerances) {
    groups = group(evidence, bars, twins, tolerance);
    if (groups.length <= variety * bars.length) break;
  }
  return groups;
}

/**
 * Evens out what is known of ticks among bars that sound alike, so that they get the same rhythm at any density: each tick takes the
 * mean of its place in its group, and keeps only what it differs from that by beyond `ownVoice`.
 */
export function evenOut(values: Float64Array, groups: readonly Bar[][], ownVoice: number): Float64Array {
  const even = values.slice();
  for (const members of groups) {
    members[0]!.ticks.forEach((_, k) => {
      const mean = members.reduce((sum, bar) => sum + values[bar.first + k]!, 0) / members.length;
      for (const bar of members) {
        const own = values[bar.first + k]! - mean;
        even[bar.first + k] = mean + Math.sign(own) * Math.max(0, Math.abs(own) - ownVoice);
      }
    });
  }
  return even;
}

function group(evidence: Float64Array, bars: readonly Bar[], twins: Structure['twins'], tolerance: number): Bar[][] {
  const groups: Bar[][] = [];
  const groupOf = new Map<number, Bar[]>();
  for (const bar of bars) {
    const twin = groupOf.get(twins[bar.number] ?? -1);
    let [nearest, least] = [undefined as Bar[] | undefined, tolerance];
    for (const candidate of twin ? [twin, ...groups.slice(-remembered)] : groups.slice(-remembered)) {
      const distance = between(evidence, bar, candidate[0]!) * (candidate === twin ? twinCloseness : 1);
      if (distance < least) [nearest, least] = [candidate, distance];
    }
    if (nearest) nearest.push(bar);
    else groups.push((nearest = [bar]));
    groupOf.set(bar.number, nearest);
  }
  return groups;
}

/** Root of the mean squared difference of two bars' evidence. */
function between(evidence: Float64Array, a: Bar, b: Bar): number {
  if (!sameMetre(a, b)) return Infinity;
  let sum = 0;
  for (let k = 0; k < a.ticks.length; k += 1) sum += (evidence[a.first + k]! - evidence[b.first + k]!) ** 2;
  return Math.sqrt(sum / a.ticks.length);
}
