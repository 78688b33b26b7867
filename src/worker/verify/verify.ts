import { unzipSync } from 'fflate';
import { starsOf } from '../stars.ts';
import { readBeatmap, type Beatmap } from './beatmap.ts';
import * as fruitStyle from './catch-style.ts';
import * as fruits from './catch.ts';
import { levelIndex, levelOf } from './difficulty.ts';
import { background, setFiles, song, songLength, soundFiles, type Files } from './files.ts';
import { hitsounds } from './hitsounds.ts';
import { UnreadableMapError, type Find, type Issue, type Verdict } from './issue.ts';
import type { Check } from './judged.ts';
import * as maniaStyle from './mania-style.ts';
import * as mania from './mania.ts';
import * as objects from './objects.ts';
import { rareSnaps } from './rhythm.ts';
import * as settings from './settings.ts';
import * as standardStyle from './standard-style.ts';
import * as standard from './standard.ts';
import * as taikoStyle from './taiko-style.ts';
import * as taiko from './taiko.ts';
import * as timing from './timing.ts';

export { UnreadableMapError, type Issue, type Verdict } from './issue.ts';

export interface VerifyOptions {
  /** Stars of the map where they are known; else they are calculated, which takes longer than all checks. */
  stars?: number;
  /** Ids of checks whose issues are left out: B03 for a short window, B17 where no hit sounds are wanted. */
  waive?: readonly string[];
  /** The lowest of several difficulties of its mode in one set: rules for those hold. */
  lowest?: boolean;
  /** Length of the song where it is known: for its bitrate (B14) and for what is left of it at the end (A05). */
  songMs?: number;
}

const general: readonly Check[] = [
  ...Object.values(objects),
  ...Object.values(timing),
  ...Object.values(settings),
  hitsounds,
  rareSnaps,
];
const ofMode: Record<Beatmap['mode'], readonly Check[]> = {
  0: [
    standard.onScreen,
    standard.spinners,
    standard.perfectStacks,
    standard.evenSpacing,
    standard.closeObjectsOverlap,
    standard.shortSliders,
    standard.readablePaths,
    ...Object.values(standardStyle),
  ],
  1: [taiko.noteGaps, taiko.finishers, taiko.densePatterns, taiko.barlines, ...Object.values(taikoStyle)],
  2: [fruits.movement, fruits.showers, ...Object.values(fruitStyle)],
  3: [...Object.values(mania), ...Object.values(maniaStyle)],
};

/**
 * Judges one `.osu` text by the rules of docs/verifier.md. `files`: the other files of its set by name, absent when the text is
 * judged alone. Throws UnreadableMapError for a text that is no beatmap, and for nothing else.
 */
export function verifyMap(osuText: string, files?: Files, options: VerifyOptions = {}): Verdict {
  return judge(readBeatmap(osuText), osuText, files, options);
}

/**
 * Judges every difficulty of an `.osz`, in the order of the archive, and what they share: an issue of the whole set stands
 * with each of them. Throws UnreadableMapError for what is no archive with beatmaps in it.
 */
export function verifySet(osz: Uint8Array, options: VerifyOptions = {}): Verdict[] {
  const files = unzip(osz);
  const maps = [...files]
    .filter(([name]) => name.toLowerCase().endsWith('.osu'))
    .map(([name, bytes]) => {
      const text = new TextDecoder().decode(bytes);
      return { name, text, map: readBeatmap(text), stars: options.stars ?? ratedStars(text) };
    });
  if (maps.length === 0) throw new UnreadableMapError('The archive holds no beatmap.');
  const shared: Issue[] = [];
  setFiles(
    maps.map(({ map }) => map),
    files,
    finder(shared),
  );
  alike(
    maps.map(({ map }) => map),
    finder(shared),
  );
  return maps.map(({ name, text, map, stars }) => {
    const same = maps.filter((other) => other.map.mode === map.mode);
    const lowest = same.length > 1 && same.every((other) => other.stars >= stars);
    const own: Issue[] = [...shared];
    fileName(name, map, finder(own));
    return judge(map, text, files, { ...options, stars, lowest: options.lowest ?? lowest }, own);
  });
}

function judge(
  map: Beatmap,
  text: string,
  files: Files | undefined,
  { stars = ratedStars(text), waive = [], lowest = false, songMs }: VerifyOptions,
  issues: Issue[] = [],
): Verdict {
  const difficulty = levelOf(map.metadata.get('Version') ?? '', stars);
  const find = finder(issues);
  const judged = { map, level: levelIndex(difficulty), lowest };
  for (const check of [...general, ...ofMode[map.mode]]) check(judged, find);
  for (const check of [background, song, soundFiles]) check(map, files, find);
  if (songMs !== undefined) songLength(map, files, songMs, find);
  const kept = issues
    .filter(({ id }) => !waive.includes(id))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : (a.time ?? -Infinity) - (b.time ?? -Infinity) || 0));
  const blocking = kept.filter(({ level }) => level === 'blocking').length;
  return {
    mode: map.mode,
    difficulty,
    stars,
    objects: map.objects.length,
    blocking,
    advisory: kept.length - blocking,
    issues: kept,
  };
}

/** The second reader's word: a map that the game's own rating cannot read is none. */
function ratedStars(text: string): number {
  try {
    return starsOf(text);
  } catch (error) {
    throw new UnreadableMapError('The star rating cannot be calculated.', { cause: error });
  }
}

function finder(issues: Issue[]): Find {
  return (id, level, time, message) =>
    void issues.push({ id, level, time: time === null ? null : Math.round(time), message });
}

function unzip(osz: Uint8Array): Files {
  try {
    return new Map(Object.entries(unzipSync(osz)).filter(([name]) => !name.endsWith('/')));
  } catch (error) {
    throw new UnreadableMapError('The archive cannot be read.', { cause: error });
  }
}

/** B09, B14, B16, A04: what must be one and the same in all difficulties of a set. */
function alike(maps: readonly Beatmap[], find: Find) {
  const shared = (
    id: string,
    what: string,
    of: (map: Beatmap) => string | undefined,
    level: Issue['level'] = 'blocking',
  ) => {
    if (new Set(maps.map(of)).size > 1) find(id, level, null, `${what} is not the same in all difficulties`);
  };
  for (const name of ['Countdown', 'LetterboxInBreaks', 'WidescreenStoryboard'])
    shared('A04', name, ({ general }) => general.get(name), 'advisory');
  shared('B09', 'the preview point', ({ general }) => general.get('PreviewTime'));
  shared('B14', 'the song', ({ general }) => general.get('AudioFilename'));
  for (const field of ['Artist', 'ArtistUnicode', 'Title', 'TitleUnicode', 'Creator', 'Source', 'Tags'])
    shared('B16', field, ({ metadata }) => metadata.get(field));
}

const longestName = 130;

/** B16: the file is called "Artist - Title (Creator) [Version].osu"; each part may be cut short, and has no characters that Windows refuses. */
function fileName(name: string, { metadata }: Beatmap, find: Find) {
  if (name.length > longestName) find('B16', 'blocking', null, `the file name has ${name.length} characters`);
  const parts = /^(.+?) - (.+) \((.+)\)(?: \[(.*)\])?\.osu$/i.exec(name.split('/').at(-1) ?? '');
  if (!parts) return find('B16', 'blocking', null, `the file is not named "Artist - Title (Creator) [Version].osu"`);
  const bare = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase();
  const whole = bare(['Artist', 'Title', 'Creator', 'Version'].map((field) => metadata.get(field) ?? '').join(''));
  if (bare(parts.slice(1).join('')) !== whole)
    find('B16', 'advisory', null, 'the file name differs from the names in the file');
}
