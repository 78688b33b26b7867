import { describe, expect, test } from 'vitest';
import { coverOf } from '../src/worker/engines/builtin/beatmap/cover.ts';
import { describeMap, fileStem, generatorVersion, remakeOf } from '../src/worker/engines/builtin/beatmap/metadata.ts';
import { planMap, type MapParams } from '../src/worker/engines/builtin/plan.ts';
import { drawBackground } from '../src/worker/engines/builtin/beatmap/background.ts';
import { createRandom } from '../src/worker/engines/builtin/random.ts';

const origin = { seed: 77, hash: '0123456789abcdef0123' };
const describing = (params: MapParams, song = { filename: 'a.mp3' }) =>
  describeMap(song, params, planMap(params).plan, origin);

test('other scripts are transliterated for the romanised fields and kept in the unicode ones', () => {
  const made = describing({}, { filename: 'Кино - Группа крови.mp3' });
  expect(made).toMatchObject({ artist: 'Kino', artistUnicode: 'Кино', title: 'Gruppa krovi' });
  const kana = describing({ title: 'さくら', artist: 'Zoë' });
  expect(kana).toMatchObject({ title: 'sakura', titleUnicode: 'さくら', artist: 'Zoe', artistUnicode: 'Zoë' });
});

test('a romanised title of its own stands beside the unicode one', () => {
  const made = describing({ title: 'Senbonzakura', title_unicode: '千本桜' });
  expect(made).toMatchObject({ title: 'Senbonzakura', titleUnicode: '千本桜' });
});

test.each(['', '💥'.repeat(60), '\u0000\u2028x', '\ud800', '../../x', 'a'.repeat(500)])(
  'the name %j becomes fields of at most 81 characters and a file name of at most 130',
  (name) => {
    const made = describing({}, { filename: `${name}.mp3` });
    for (const text of [made.title, made.artist]) expect(text).toMatch(/^[\x20-\x7e]{1,81}$/);
    for (const text of [made.titleUnicode, made.artistUnicode]) {
      expect(text.length).toBeLessThanOrEqual(81);
      expect(text).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}]/u);
    }
    expect(fileStem(made)).toMatch(/^[^/\\:*?"<>|.][^/\\:*?"<>|]{0,125}$/);
  },
);

describe('what a map says about its making', () => {
  const params: MapParams = {
    gamemode: 3,
    difficulty: 4.2,
    keycount: 7,
    descriptors: ['ln density', 'jumps/sharp'],
    hitsounded: false,
    tags: 'one two',
    creator: 'Me',
    version: 'Mine',
    start_time: 500,
    bpm: 175.5,
  };
  const made = describing(params, { filename: 'Artist - Song.mp3' });
  const osu = [
    `Title:${made.title}`,
    `TitleUnicode:${made.titleUnicode}`,
    `Artist:${made.artist}`,
    `ArtistUnicode:${made.artistUnicode}`,
    `Creator:${made.creator}`,
    `Version:${made.version}`,
    `Source:${made.source}`,
    `Tags:${made.tags}`,
  ].join('\r\n');

  test('is that it was generated, by which generator, of which song, with which seed', () => {
    expect(made.tags).toMatch(
      /^one two generated ai mapperatorinator-api engine=builtin generator=\d+ song=0123456789abcdef /,
    );
    expect(made.tags).toContain(' seed=77');
  });

  test('is enough to ask for it again', () => {
    const again = remakeOf(osu);
    expect(again).toMatchObject({ generator: generatorVersion, song: '0123456789abcdef', timingGiven: false });
    expect(again?.params).toMatchObject({ ...params, seed: 77 });
    const twice = describeMap({ filename: 'other.mp3' }, again!.params, planMap(again!.params).plan, origin);
    expect(twice).toEqual(made);
  });

  test('survives genres, tags copied from another map, and a score that only lazer counts', () => {
    const song = { filename: 'a.mp3', genres: ['Rock', 'J-Pop'] };
    const first = describeMap(song, { ...params, tags: made.tags }, planMap(params).plan, origin);
    const text = (tags: string) => osu.replace(/^Tags:.*$/m, `Tags:${tags}`);
    const again = remakeOf(text(`lazer-only ${first.tags}`));
    expect(again?.params).toMatchObject({ ...params, tags: made.tags });
    expect(describeMap(song, again!.params, planMap(params).plan, origin)).toMatchObject({ tags: first.tags });
    expect(remakeOf(text(made.tags.replace('%', '%%')))).toBeNull(); // edited by hand
  });

  test('is nothing for a map of other origin', () => {
    expect(remakeOf('Title:x\r\nTags:made by hand')).toBeNull();
  });
});

test('a cover is the background where the ranking criteria allow it', () => {
  const picture = drawBackground(createRandom(1)); // 1280 × 720 PNG
  expect(coverOf(picture)).toEqual({ filename: 'background.png', bytes: picture });
  const tiny = Uint8Array.from(picture);
  new DataView(tiny.buffer).setUint32(16, 100); // says that it is 100 px wide
  for (const unfit of [undefined, tiny, new Uint8Array(3_000_000), new TextEncoder().encode('no picture')]) {
    expect(coverOf(unfit)).toBeNull();
  }
});
