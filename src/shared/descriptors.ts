/** The names by which models know a style. Exact, and the program skips a name that it does not know without an error. */

/** The osu! user tags of v32 and v32-mini, by group (the public project's `datasets/tags_2026.json`). */
const userTagGroups: Record<string, string> = {
  additions: 'combo colours, custom skin, hitsounds, keysounds',
  context: 'custom song, mapping contest, tournament custom',
  expression:
    'chaotic, conceptual, difficulty spike, high contrast, improvisation, iNiS-style, inspo, old-style revival, ' +
    'playfield usage, progression, repetition, simple',
  gimmick:
    '2B, aspire, barlines, circle only, delay, dodge the beat, LN inverse, long sliders, memory, mirrored, ' +
    'ninja spinners, no hyperdashes, playfield constraint, reversed, slider only, spinner-heavy, storyboard, ' +
    'tag, video, yellow notes',
  jumps: 'back and forth, cross-screen, freeform, linear, sharp, squares, stamina, stars, triangles, wide',
  meta: 'accelerating bpm, collab, mega collab, multi-song, swing, time signatures, variable timing',
  reading: 'overlaps, perfect stacks, visually dense',
  skillset: 'alt, gimmick, jumps, precision, reading, speedjack, streams, tech, wristjack',
  sliders: 'complex slidershapes, complex sv, high sv, low sv',
  streams: 'bursts, cutstreams, doubles, flow aim, quads, spaced streams, speed, stamina',
  style:
    'avant-garde, chordjack, chordstream, clean, convert, distance snap, double bpm, dump, finisher-heavy, ' +
    'freeform, generic hybrid, geometric, grid snap, handstream, hexgrid, jumpstream, LN coordination, ' +
    'LN density, LN mixed , LN release, longjack, messy, mixed rice, mono-heavy, N+1, o2jam, quadstream, ' +
    'symmetrical, taikosu, tiebreaker, tnt, vocal',
  tech:
    'aim control, antiflow, complex snap, finger control, flow, hyperwalks, jump, slider tech, technical hybrid, ' +
    'wiggles',
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

export const vocabularies: Record<'user_tags' | 'omdb', ReadonlySet<string>> = {
  user_tags: new Set(
    Object.entries(userTagGroups).flatMap(([group, names]) => split(names).map((name) => `${group}/${name}`)),
  ),
  omdb: new Set(split(omdbNames)),
};
