import type { MapParams, Plan } from './plan.ts';

export interface SongTags {
  filename: string;
  title?: string;
  artist?: string;
}

export interface Metadata {
  title: string;
  titleUnicode: string;
  artist: string;
  artistUnicode: string;
  creator: string;
  version: string;
  source: string;
  tags: string;
}

export const creatorName = 'Mapperatorinator API';

/**
 * Names of a map: what the request says, else the song's tags, else the file's name ("Artist - Title.mp3"). The romanised fields
 * are ASCII, as the format wants; the tags say that and how the map was generated, so that it can be made again.
 */
export function describeMap(song: SongTags, params: MapParams, plan: Plan, seed: number): Metadata {
  const base = song.filename.replace(/\.[A-Za-z0-9]{1,5}$/, '');
  const parts = /^(.+?) - (.+)$/.exec(base);
  const titleUnicode =
    clean(params.title_unicode ?? params.title ?? song.title ?? parts?.[2] ?? base) || 'Unknown Title';
  const artistUnicode =
    clean(params.artist_unicode ?? params.artist ?? song.artist ?? parts?.[1] ?? '') || 'Unknown Artist';
  const own = ['generated', 'ai', 'mapperatorinator-api', 'engine=builtin', `seed=${seed}`, `stars=${plan.stars}`];
  return {
    title: romanised(params.title ?? titleUnicode) || 'Unknown Title',
    titleUnicode,
    artist: romanised(params.artist ?? artistUnicode) || 'Unknown Artist',
    artistUnicode,
    creator: romanised(params.creator ?? '') || creatorName,
    version: romanised(params.version ?? '') || plan.levelName,
    source: clean(params.source ?? ''),
    tags: [clean(params.tags ?? ''), ...own].filter((tag) => tag !== '').join(' '),
  };
}

/** `Artist - Title (Creator) [Version]`, safe as a file name everywhere and at most 125 characters. */
export function fileStem({ artist, title, creator, version }: Metadata): string {
  const safe = (text: string, most: number) =>
    text
      .replace(/[\\/:*?"<>|%#&;]/g, '')
      .trim()
      .slice(0, most)
      .trim();
  return `${safe(artist, 30)} - ${safe(title, 40)} (${safe(creator, 20)}) [${safe(version, 20)}]`.replace(/^\.+/, '');
}

const longest = 81;

const clean = (text: string) =>
  text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, longest);

/** ASCII of a text: accents are taken off, what has no ASCII is left out. */
const romanised = (text: string) => clean(text.normalize('NFKD').replace(/[^\x20-\x7e]/g, ''));
