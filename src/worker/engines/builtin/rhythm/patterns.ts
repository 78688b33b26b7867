import type { Structure } from '../structure.ts';
import { sameMetre, type Bar } from './heard.ts';

/** What a bar that differs from its pattern must differ by, before it gets a rhythm of its own there. */
const ownVoice = 0.5;
/** A bar is compared with this many of the newest patterns, so that the cost grows with the song's length only. */
const remembered = 64;
const tolerances = [0.2, 0.25, 0.3, 0.36, 0.43, 0.52, 0.62, 0.75, 0.9, 1.1];
/** How much nearer a bar counts to the pattern of the earlier bar that it repeats. */
const twinCloseness = 0.6;

/**
 * Evens out the evidence among bars that sound alike, so that they get the same rhythm at any density: each tick takes the mean of
 * its place in its pattern, and only what differs from that by more than `ownVoice` keeps the difference. Bars are
 * joined until there are `variety` × bars patterns; human maps have 0.25 (Easy) to 0.55 (Expert) distinct bars a bar.
 */
export function evenOut(
  evidence: Float64Array,
  bars: readonly Bar[],
  { twins }: Structure,
  variety: number,
): Float64Array {
  let groups: Bar[][] = [];
  for (const tolerance of tolerances) {
    groups = group(evidence, bars, twins, tolerance);
    if (groups.length <= variety * bars.length) break;
  }
  const even = evidence.slice();
  for (const members of groups) {
    members[0]!.ticks.forEach((_, k) => {
      const mean = members.reduce((sum, bar) => sum + evidence[bar.first + k]!, 0) / members.length;
      for (const bar of members) {
        const own = evidence[bar.first + k]! - mean;
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
