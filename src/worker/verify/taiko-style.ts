import type { Check } from './judged.ts';
import { drainMs } from './judged.ts';
import { atMost, normalisedBeat, notesOf, patterns } from './taiko.ts';

/** T10: most notes of a pattern with gaps up to a fraction of a beat, by level. */
const longestPatterns: readonly (readonly (readonly [fraction: number, notes: number])[])[] = [
  [
    [1, 7],
    [1 / 2, 2],
  ],
  [
    [1 / 2, 7],
    [1 / 3, 2],
  ],
  [
    [1 / 4, 5],
    [1 / 6, 4],
  ],
  [
    [1 / 4, 9],
    [1 / 6, 4],
    [1 / 8, 2],
  ],
];

export const patternLengths: Check = (judged, find) => {
  const { level, lowest } = judged;
  const notes = notesOf(judged);
  for (const [fraction, longest] of longestPatterns[level] ?? []) {
    const most = level === 1 && lowest && fraction === 1 / 2 ? 5 : longest;
    for (const run of patterns(notes, fraction))
      if (run.length > most)
        find(
          'T10',
          'advisory',
          run[0]?.time ?? 0,
          `${run.length} notes of 1/${Math.round(1 / fraction)}, more than ${most}`,
        );
  }
};

/** T11: beats of a rest by level, and in how many beats there must be one. */
const rests = [
  [3, 44],
  [2, 44],
  [1.5, 44],
  [1, 32],
] as const;

export const restMoments: Check = (judged, find) => {
  const [rest, within] = rests[judged.level] ?? [0, Infinity];
  let since: number | null = null;
  for (const { time, gapBefore, beat } of notesOf(judged)) {
    if (since === null || gapBefore + 0.02 >= rest) since = time;
    else if (time - since > within * beat) {
      find('T11', 'advisory', since, `no rest of ${rest} beats in ${within} beats`);
      since = time;
    }
  }
};

/** T12: room before a spinner. */
export const spinnerGaps: Check = ({ map, level }, find) => {
  const least = level < 3 ? 1 / 2 : 1 / 4;
  map.objects.forEach((object, i) => {
    const before = map.objects[i - 1];
    if (object.kind !== 'spinner' || !before) return;
    const beat = normalisedBeat(map.timing.at(object.time).tempo);
    if (object.time - before.end < least * beat - 2)
      find('T12', 'advisory', object.time, `a spinner ${Math.round(object.time - before.end)} ms after a note`);
  });
};

const usualOd = [3, 4, 5, 5.5];
/** HP up to 1:00, 3:45, 4:45 and longer, by level. */
const usualHp = [
  [9, 8, 7, 6],
  [8, 7, 6, 5],
  [7, 6, 5, 4],
  [7, 5.5, 5, 4],
] as const;

/** T13: settings. */
export const taikoSettings: Check = ({ map, level }, find) => {
  const say = (what: string) => find('T13', 'advisory', null, what);
  if (Math.abs(map.sliderMultiplier - 1.4) > 1e-3) say(`a slider multiplier of ${map.sliderMultiplier}, not 1.40`);
  if (![1, 3].includes(map.tickRate)) say(`a tick rate of ${map.tickRate}`);
  const od = usualOd[level];
  if (od !== undefined && (map.od < od - 0.5 || (map.od > od + 0.5 && level < 3))) say(`OD ${map.od}, usual is ${od}`);
  const drain = drainMs(map) / 1000;
  const hp = usualHp[level]?.[drain <= 60 ? 0 : drain < 225 ? 1 : drain < 285 ? 2 : 3];
  if (hp !== undefined && Math.abs(map.hp - hp) > 1) say(`HP ${map.hp}, usual is ${hp}`);
};

/** T14: one scroll speed in the low levels, and no flashes of kiai. */
export const effects: Check = ({ map, level }, find) => {
  const { sections } = map.timing;
  let kiaiSince: number | null = null;
  sections.forEach(({ line, speed, tempo }, i) => {
    const before = sections[i - 1];
    const changes = before && Math.abs(speed / tempo.beatLength / (before.speed / before.tempo.beatLength) - 1) > 0.02;
    if (level < 2 && changes && Math.abs(speed - 1) > 0.02)
      find('T14', 'advisory', line.time, 'the scroll speed changes');
    if (line.kiai) kiaiSince ??= line.time;
    else if (kiaiSince !== null) {
      const beat = normalisedBeat(tempo);
      if (atMost((line.time - kiaiSince) / beat, 1 / 3, beat)) find('T14', 'advisory', kiaiSince, 'a flash of kiai');
      kiaiSince = null;
    }
  });
};
