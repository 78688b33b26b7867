// A preview beside what the game's authors wrote down of osu!'s own objects for their tests (ppy/osu, *-expected-conversion.json): an
// answer that no port had a hand in. Their times are whole ms, as the old game counted, and their own tests allow 2 ms and 3 px of catch.
import { createBall, createDifferences, earlier } from './samples.mjs';

const compare = [compareStandard, compareTaiko, compareCatch, compareMania];

/** Written with a mod that moves objects or changes the plate. */
const modded =
  /(hardrock-\w+(-\w+)?|right-bound-hr-offset|37902|75858|104973|1284935|1431386|2571731|2768615|3227428|3524302|3644427|3689906|3949367|1041052)\.osu$/;

/** What we do not do: a green line that is no number, which takes ticks away; spinners in mania, strewn by chance. */
const beyond = /(nan-slider|mania-specific-spinner|4869637)\.osu$/;

/** A map and what was written down of it, `{ text, expected, late }`; null where there is nothing that a preview could be held against. */
export function gameCase(path, text, json) {
  const expected = JSON.parse(json.replace(/,(\s*[}\]])/g, '$1')).Mappings.flatMap(({ Objects }) => Objects);
  const [part] = expected;
  const mode = 'HyperDash' in part ? 2 : 'Column' in part ? 3 : 'IsRim' in part ? 1 : 0;
  const own = Number(/^Mode\s*:\s*(\d)/m.exec(text)?.[1] ?? 0);
  // A map of osu! becomes one of catch as it stands; those of taiko and mania are rewritten, and no preview shows that.
  if (modded.test(path) || beyond.test(path) || (mode !== own && mode !== 2)) return null;
  const late = Number(/osu file format v(\d+)/.exec(text)?.[1] ?? 14) < 5 ? 24 : 0;
  return { text: mode === own ? text : inMode(text, mode), expected, late };
}

const inMode = (text, mode) =>
  /^Mode\s*:/m.test(text)
    ? text.replace(/^Mode\s*:\s*\d/m, `Mode: ${mode}`)
    : text.replace(/(\[General\]\s*?\n|\n(?=\[))/, (found) =>
        found.startsWith('[') ? `${found}Mode: ${mode}\n` : `\n[General]\nMode: ${mode}\n\n`,
      );

/** Differences between a preview and the parts that were written down. */
export function againstGame({ expected, late }, preview) {
  const differences = createDifferences();
  compare[preview.mode](earlier(preview, late), expected, differences);
  return differences.found;
}

function compareStandard({ objects }, parts, to) {
  const count = objects.reduce(
    (sum, { kind, spans, ticks }) => sum + (kind === 'slider' ? spans + 1 + ticks.length : 1),
    0,
  );
  to.same('parts', count, parts.length, 0);
  if (count !== parts.length) return;
  let next = 0;
  for (const ours of objects) {
    to.object();
    if (ours.kind !== 'slider') {
      const theirs = parts[next++];
      to.time(ours.time, theirs.StartTime);
      if (ours.kind === 'circle') to.place(ours, { x: theirs.X, y: theirs.Y });
      continue;
    }
    const ball = createBall(ours);
    const span = (ours.end - ours.time) / ours.spans;
    const repeats = Array.from({ length: ours.spans - 1 }, (_, i) => ours.time + (i + 1) * span);
    for (const time of [ours.time, ...[...ours.ticks, ...repeats].sort((a, b) => a - b)]) {
      const theirs = parts[next++];
      to.time(time, theirs.StartTime);
      to.place(ball(time), { x: theirs.X, y: theirs.Y });
    }
    const tail = parts[next++];
    to.time(Math.max(ours.end - 36, (ours.time + ours.end) / 2), tail.StartTime);
    to.place(ball(ours.end), { x: tail.X, y: tail.Y });
  }
}

function compareTaiko({ objects }, parts, to) {
  to.same('objects', objects.length, parts.length, 0);
  objects.forEach((ours, i) => {
    const theirs = parts[i];
    if (!theirs) return;
    to.object();
    const kind = theirs.IsDrumRoll ? 'drumroll' : theirs.IsSwell ? 'swell' : 'note';
    to.same('kind', ours.kind, kind, ours.time);
    to.time(ours.time, theirs.StartTime);
    to.time(ours.end ?? ours.time, theirs.EndTime);
    if (kind === 'note') to.same('kat', ours.kat, theirs.IsRim, ours.time);
    if (kind !== 'swell') to.same('big', ours.big, theirs.IsStrong, ours.time);
  });
}

function compareCatch({ objects }, parts, to) {
  const theirs = [...parts].sort((a, b) => a.StartTime - b.StartTime);
  to.same('objects', objects.length, theirs.length, 0);
  objects.forEach((ours, i) => {
    if (!theirs[i]) return;
    to.object();
    to.time(ours.time, theirs[i].StartTime);
    to.place({ x: ours.x }, { x: theirs[i].Position });
    to.same('hyperdash', ours.hyper ?? false, theirs[i].HyperDash, ours.time);
  });
}

function compareMania({ objects }, parts, to) {
  const order = (a, b) => a.time - b.time || a.column - b.column;
  const theirs = parts.map((part) => ({ time: part.StartTime, end: part.EndTime, column: part.Column })).sort(order);
  to.same('objects', objects.length, theirs.length, 0);
  [...objects].sort(order).forEach((ours, i) => {
    if (!theirs[i]) return;
    to.object();
    to.time(ours.time, theirs[i].time);
    to.time(ours.end ?? ours.time, theirs[i].end);
    to.same('column', ours.column, theirs[i].column, ours.time);
  });
}
