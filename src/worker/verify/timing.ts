import { edgesOf } from './hit-object.ts';
import type { Check } from './judged.ts';
import { bpmOf, unsnap, type TimingLine } from './timing-lines.ts';

/** B05: the first line is red and without kiai. */
export const firstLine: Check = ({ map: { timing } }, find) => {
  const [first] = timing.sorted;
  if (!first) find('B05', 'blocking', null, 'there is no timing line');
  else if (!first.red) find('B05', 'blocking', first.time, 'the first timing line is green');
  else if (first.kiai) find('B05', 'blocking', first.time, 'the first timing line has kiai');
};

/** B06: no two lines of one colour at one time. */
export const concurrentLines: Check = ({ map: { timing } }, find) => {
  timing.sorted.forEach((line, i) => {
    const before = timing.sorted[i - 1];
    if (before?.time === line.time && before.red === line.red)
      find('B06', 'blocking', line.time, `two ${line.red ? 'red' : 'green'} lines at one time`);
  });
  const firstRed = timing.red[0];
  const early = timing.sorted.find(({ red, time }) => !red && firstRed && time < firstRed.time);
  if (early) find('B06', 'blocking', early.time, 'a green line before the first red one');
};

/** B07: a red line that goes on as the one before changes nothing, or only where the bars of the nightcore beat begin. */
export const usefulRedLines: Check = ({ map: { timing } }, find) => {
  timing.red.forEach((line, i) => {
    const before = timing.red[i - 1];
    if (!before || before.meter !== line.meter || Math.abs(bpmOf(before) - bpmOf(line)) > 1e-3) return;
    const bar = before.beatLength * before.meter;
    const bars = Math.round((line.time - before.time) / bar);
    if (Math.abs(line.time - before.time - bars * bar) > 1) return;
    if (bars % 4 !== 0) find('B07', 'advisory', line.time, 'a red line only moves the bars of the nightcore beat');
    else if (!changes(line, timing.at(line.time - 0.5)))
      find('B07', 'blocking', line.time, 'a red line changes nothing');
  });
};

function changes(line: TimingLine, { line: before, speed }: { line: TimingLine; speed: number }): boolean {
  return speed !== 1 || line.omitBarline || soundsOther(line, before);
}

const soundsOther = (line: TimingLine, before: TimingLine) =>
  line.volume !== before.volume ||
  line.sampleSet !== before.sampleSet ||
  line.sampleIndex !== before.sampleIndex ||
  line.kiai !== before.kiai;

/** B08: the volume of every line is 5 to 100. */
export const lineVolumes: Check = ({ map: { timing } }, find) => {
  for (const { time, volume } of timing.sorted)
    if (!(volume >= 5 && volume <= 100)) find('B08', 'blocking', time, `a timing line with a volume of ${volume} %`);
};

/**
 * B19: every object that is hit can be heard; one issue for each stretch that cannot. The game looks 5 ms ahead for the line that an
 * object takes its volume from.
 */
export const audible: Check = ({ map }, find) => {
  let before: 'blocking' | 'advisory' | null = null;
  for (const { kind, time, volume } of map.objects) {
    if (kind === 'spinner') continue;
    const heard = volume > 0 ? volume : Math.max(map.timing.at(time).line.volume, map.timing.at(time + 5).line.volume);
    const level = heard < 5 ? 'blocking' : heard < 20 ? 'advisory' : null;
    if (level !== null && level !== before) find('B19', level, time, `from here on objects sound at ${heard} %`);
    before = level;
  }
};

/** A01 and A02: kiai on the grid, and no change of speed a moment after an object. */
export const tidyLines: Check = ({ map }, find) => {
  const { timing } = map;
  const heads = new Set(map.objects.map(({ time }) => Math.round(time)));
  timing.sections.forEach(({ line, speed }, i) => {
    const before = timing.sections[i - 1];
    const kiaiMoves = line.kiai !== (before?.line.kiai ?? false);
    if (kiaiMoves && unsnap(timing, line.time) >= (map.mode === 1 ? 5 : 10))
      find('A01', 'advisory', line.time, 'kiai begins or ends off the grid');
    if (before && before.line.time < line.time && speed !== before.speed && map.mode !== 2)
      for (let early = 1; early <= 5; early++)
        if (heads.has(Math.round(line.time) - early))
          find('A02', 'advisory', line.time, `an object lies ${early} ms before a line that changes its speed`);
  });
};

/** A03: objects on thirds want a tick rate of 1 or 3. */
export const tickRateFits: Check = ({ map }, find) => {
  if (map.mode === 3 || [1, 3].includes(map.tickRate)) return;
  let thirds = 0;
  let halves = 0;
  for (const object of map.objects)
    for (const edge of edgesOf(object)) {
      const { time, beatLength } = map.timing.at(edge).tempo;
      const phase = (((edge - time) / beatLength) % 1) * 12;
      const near = (at: number) => Math.abs(phase - at) * (beatLength / 12) < 3;
      if (near(4) || near(8)) thirds++;
      else if (near(6)) halves++;
    }
  if (thirds > halves && thirds > 8)
    find('A03', 'advisory', null, `a tick rate of ${map.tickRate} in a map on thirds of the beat`);
};
