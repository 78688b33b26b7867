/** The names by which models know a style. Exact, and the program skips a name that it does not know without an error. */

/**
 * The osu! user tags of v32 and v32-mini, by group (the public project's `datasets/tags_2026.json`). After the colon the modes that
 * a tag is for: s osu!, t taiko, c catch, m mania; none: all.
 */
const userTagGroups: Record<string, string> = {
  additions: 'combo colours:s, custom skin, hitsounds:t, keysounds',
  context: 'custom song, mapping contest, tournament custom',
  expression:
    'chaotic:s, conceptual, difficulty spike, high contrast, improvisation:st, iNiS-style:s, inspo, ' +
    'old-style revival:s, playfield usage:s, progression, repetition, simple',
  gimmick:
    '2B, aspire:s, barlines:t, circle only:s, delay:m, dodge the beat:c, LN inverse:m, long sliders:c, ' +
    'memory, mirrored:t, ninja spinners:s, no hyperdashes:c, playfield constraint:s, reversed:t, ' +
    'slider only:s, spinner-heavy:c, storyboard, tag, video, yellow notes:t',
  jumps:
    'back and forth:s, cross-screen:s, freeform:s, linear:s, sharp:s, squares:s, stamina:s, stars:s, ' +
    'triangles:s, wide:s',
  meta: 'accelerating bpm, collab, mega collab, multi-song, swing, time signatures, variable timing',
  reading: 'overlaps:s, perfect stacks:s, visually dense:s',
  skillset: 'alt:s, gimmick, jumps:s, precision:sc, reading, speedjack:m, streams, tech:stcm, wristjack:m',
  sliders: 'complex slidershapes:s, complex sv:stm, high sv, low sv',
  streams: 'bursts, cutstreams:s, doubles, flow aim:s, quads, spaced streams:s, speed, stamina:stm',
  style:
    'avant-garde, chordjack:m, chordstream:m, clean:s, convert:tc, distance snap:s, double bpm:t, dump:m, ' +
    'finisher-heavy:t, freeform:s, generic hybrid:m, geometric:s, grid snap:s, handstream:m, hexgrid:s, ' +
    'jumpstream:m, LN coordination:m, LN density:m, LN mixed :m, LN release:m, longjack:m, messy:s, ' +
    'mixed rice:m, mono-heavy:t, N+1:m, o2jam:m, quadstream:m, symmetrical:s, taikosu:t, tiebreaker:m, tnt:t, ' +
    'vocal:t',
  tech:
    'aim control:s, antiflow:c, complex snap:tcm, finger control:s, flow:c, hyperwalks:c, jump:c, ' +
    'slider tech:s, technical hybrid:m, wiggles:c',
};

/** The OMDB names of v28, v29 and v31 (`datasets/beatmap_descriptors.csv`). */
const omdbNames =
  '2B, aim control, alt, aspire, avant-garde, bursts, chaotic, circle only, clean, collab, ' +
  'complex snap divisors, complex sv, custom skin, cutstreams, difficulty spike, distance snapped, ' +
  'download unavailable, featured artist, finger control, flow aim, freeform, geometric, gimmick, grid snap, ' +
  'gungathon, hexgrid, high contrast, high sv, improvisation, iNiS-style, jump aim, keysounds, linear aim, ' +
  'low sv, mapping contest, marathon, megacollab, messy, multi-song, ninja spinners, old-style revival, ' +
  'overlap reading, perfect stacks, playfield constraint, playfield usage, port, precision, progression, ' +
  'reading, repetition, sharp aim, simple, slider only, slider tech, slidershapes, spaced streams, stamina, ' +
  'storyboard, storyboard gimmick, streams, swing, symmetrical, tag, tech, time signatures, tournament custom, ' +
  'variable timing, video gimmick, visually dense, wide aim';

/** One of them ends in a space: `style/LN mixed `. */
const split = (names: string) => names.split(', ');
const modeLetters = 'stcm';
const allModes = [0, 1, 2, 3];

/** The modes that a name is for, by name. */
export const vocabularies: Record<'user_tags' | 'omdb', ReadonlyMap<string, readonly number[]>> = {
  user_tags: new Map(
    Object.entries(userTagGroups).flatMap(([group, tags]) =>
      split(tags).map((tag) => {
        const [name = '', modes] = tag.split(':');
        return [`${group}/${name}`, modes ? [...modes].map((letter) => modeLetters.indexOf(letter)) : allModes];
      }),
    ),
  ),
  omdb: new Map(split(omdbNames).map((name) => [name, allModes])),
};
