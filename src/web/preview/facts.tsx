import type { Preview } from '../../shared/preview.ts';
import { clockText, type Words } from './words.ts';

/** The settings that say something in a mode, in the order in which the game shows them. */
const SETTINGS = [
  ['circle_size', 'approach_rate', 'overall_difficulty', 'drain_rate'],
  ['overall_difficulty', 'drain_rate'],
  ['circle_size', 'approach_rate', 'drain_rate'],
  ['keys', 'overall_difficulty', 'drain_rate'],
] as const;

/** The map in numbers, as everybody sees them. */
export function Facts({ preview, words }: { preview: Preview; words: Words }) {
  const facts: [name: string, value: string | number][] = [
    ...(preview.stars === null ? [] : [[words.stars, preview.stars.toFixed(2)] as [string, string]]),
    [words.length, clockText(preview.end)],
    [words.bpm, tempo(preview)],
    ...counts(preview, words),
    [words.combo, preview.max_combo],
    ...SETTINGS[preview.mode].map((name): [string, number] => [words[name], preview.settings[name]]),
  ];
  return (
    <dl class="preview-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The map in a few sentences, for those who cannot see it. */
export function summaryOf(preview: Preview, words: Words): string {
  const peak = Math.max(0, ...preview.density);
  return words.summary({
    mode: words.modes[preview.mode] ?? '',
    stars: preview.stars?.toFixed(2),
    length: clockText(preview.end),
    counts: counts(preview, words).map(([name, count]) => words.count(name, count)),
    peak,
    peakAt: clockText(preview.density.indexOf(peak) * 1000),
    breaks: preview.breaks.length,
  });
}

const counts = (preview: Preview, words: Words): [name: string, count: number][] =>
  Object.entries(preview.counts)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => [words.kinds[kind] ?? kind, count]);

/** One number, or the slowest and the fastest. */
function tempo({ timing }: Preview): string {
  const beats = timing.map(({ beat_ms: beat }) => Math.round(60_000 / beat));
  const [least, most] = [Math.min(...beats), Math.max(...beats)];
  return least === most ? String(least) : `${least}–${most}`;
}
