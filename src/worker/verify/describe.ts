import type { Issue, Verdict } from './issue.ts';

const modes = ['osu!', 'osu!taiko', 'osu!catch', 'osu!mania'];
/** Times that are shown of one kind of issue. */
const shown = 5;

/** The verdicts for people: what stands in the way first, by id, with how often and the first times. */
export function describe(verdicts: readonly Verdict[]): string {
  return verdicts.map(one).join('\n');
}

function one({ mode, difficulty, stars, objects, blocking, advisory, issues }: Verdict): string {
  const head = `${modes[mode]}, ${difficulty}, ${stars.toFixed(2)} stars, ${objects} objects: ${blocking} blocking, ${advisory} advisory\n`;
  const groups = new Map<string, Issue[]>();
  for (const issue of [...issues].sort((a, b) => (a.level === b.level ? 0 : a.level === 'blocking' ? -1 : 1))) {
    const key = `${issue.level} ${issue.id}`;
    groups.set(key, [...(groups.get(key) ?? []), issue]);
  }
  return head + [...groups.values()].map(lines).join('');
}

function lines(group: Issue[]): string {
  const [first] = group;
  if (!first) return '';
  const times = group.slice(0, shown).map(({ time }) => (time === null ? 'whole map' : clock(time)));
  const more = group.length > shown ? ', …' : '';
  return `  ${first.level} ${first.id} × ${group.length}: ${first.message} (${times.join(', ')}${more})\n`;
}

/** As the editor shows a time: 01:23:456. */
function clock(ms: number): string {
  const whole = Math.abs(ms);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${ms < 0 ? '-' : ''}${two(whole / 60_000)}:${two((whole % 60_000) / 1000)}:${String(whole % 1000).padStart(3, '0')}`;
}
