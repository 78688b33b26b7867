// The mapping table: the matrix of maps through every criterion, then obedience, repetition and the discriminator.
import { join } from 'node:path';
import { criteria } from './criteria.mjs';
import { discriminate } from './discriminator.mjs';
import { mapsOf, openSong } from './matrix.mjs';
import { mean, median, share } from './numbers.mjs';
import { descriptorEffects, descriptorFigures, plainRequests } from './obedience.mjs';
import { fuzzed } from './fuzz.mjs';
import { bucketOf } from './references.mjs';
import { difference, hashOfRun, placesOf } from './repeat.mjs';
import { cell, criterionLine, figure, heading, line, modeNames, tableHead } from './report.mjs';

/** Songs on which descriptors and plain requests are tried; the study's effect is defined over six. */
const obedienceSongs = 6;
/** Songs whose maps are made again in two processes. */
const repeatSongs = 2;
const strongEffect = 0.5;

/** Prints every mapping row for the songs. `humans`: records of human maps, or undefined. */
export async function mappingReport({ songs, folder, matrix, humans, say, tell }) {
  const { maps, figures, requests, seeds, drawn, refused } = await makeAll(songs, folder, matrix, tell);
  for (const text of refused) say(text);
  const made = maps.filter(({ failed }) => !failed);
  say(`${made.length} of ${maps.length} maps made${humans ? `; ${humans.length} human maps` : ''}`);
  say(tableHead('Mapping'));
  for (const criterion of criteria) say(criterionLine(criterion, maps, humans));
  say(
    line({
      id: 'A1',
      what: `${drawn.length} random requests: no blocking issue`,
      goal: 1,
      overall: share(drawn, ({ ok }) => ok),
    }),
  );
  if (humans) say(advisoryRow(made, humans));
  say(silenceRow(requests));
  for (const row of await repeatRows(songs, folder, matrix, seeds)) say(row);
  for (const row of obedienceRows(requests, figures, matrix.modes)) say(row);
  if (humans) for (const row of discriminatorRows(made, humans, matrix.modes)) say(row);
  say(heading('Issues by the verifier, maps with each'));
  for (const row of issueRows(made, humans)) say(row);
  for (const { song, params, why } of drawn.filter(({ ok }) => !ok))
    say(`request: ${why}: ${song} ${JSON.stringify(params)}`);
  say(heading(`Descriptors over ${figures.length} songs`));
  for (const row of effectRows(figures, matrix.modes)) say(row);
}

async function makeAll(songs, folder, matrix, tell) {
  const [maps, figures, requests, seeds, drawn, refused] = [[], [], [], [], [], []];
  const tried = new Set(
    Array.from({ length: obedienceSongs }, (_, i) => Math.floor((i * songs.length) / obedienceSongs)),
  );
  for (const [number, song] of songs.entries()) {
    tell(`${number + 1}/${songs.length} ${song.id}`);
    let open;
    try {
      open = await openSong(song, folder);
    } catch (error) {
      refused.push(`not mapped: ${song.id}: ${error.code ?? error.message}`);
      continue;
    }
    const made = mapsOf(open, number, matrix);
    seeds.push(...seedDifferences(made));
    for (const map of made) delete map.text; // a matrix of texts would not fit
    maps.push(...made);
    drawn.push(...fuzzed(open, number));
    if (!tried.has(number)) continue;
    figures.push(descriptorFigures(open, matrix.modes));
    requests.push(...plainRequests(open, matrix.modes));
  }
  return { maps, figures, requests, seeds, drawn, refused };
}

/** Maps that differ in the seed only, neighbours compared. */
function seedDifferences(made) {
  return made.slice(1).flatMap((map, i) => {
    const before = made[i];
    const same = map.mode === before.mode && map.params.difficulty === before.params.difficulty;
    if (!same || map.failed || before.failed) return [];
    return [{ mode: map.mode, ...difference(placesOf(before.text), placesOf(map.text)) }];
  });
}

/** Mean advisory issues a minute for one of human maps of the same mode and stars; the buckets that both have count alike. */
function advisoryRow(made, humans) {
  const key = ({ mode, stars }) => `${mode}/${bucketOf(mode, stars)}`;
  const rate = (maps, bucket) => mean(maps.filter((map) => key(map) === bucket).map((map) => map.advisoryPerMinute));
  const buckets = [...new Set(made.map(key))].filter((bucket) => humans.some((map) => key(map) === bucket)).sort();
  const ratioOf = (list) => mean(list.map((b) => rate(made, b))) / mean(list.map((b) => rate(humans, b)));
  const byMode = [0, 1, 2, 3].map((mode) => figure(ratioOf(buckets.filter((bucket) => bucket.startsWith(`${mode}/`)))));
  const what = "advisory issues for one of people's";
  return line({ id: 'A5', what, goal: 1.5, less: true, overall: ratioOf(buckets), byMode, people: '1' });
}

const silenceRow = (requests) => {
  const silent = requests.filter(({ what }) => what === 'silent');
  return line({ id: 'A18', what: 'hitsounded=false: no addition', goal: 1, overall: share(silent, ({ ok }) => ok) });
};

async function repeatRows(songs, folder, { modes }, seeds) {
  const shortest = [...songs]
    .sort((a, b) => a.duration_s - b.duration_s || (a.id < b.id ? -1 : 1))
    .slice(0, repeatSongs);
  const same = [];
  for (const song of shortest) {
    for (const mode of modes) {
      const params = { gamemode: mode, difficulty: 4, seed: 7 };
      const runs = [];
      for (const attempt of [1, 2])
        runs.push(await hashOfRun(join(folder, song.path), params).catch(() => `failed ${attempt}`));
      same.push(runs[0] === runs[1]);
    }
  }
  const differs = ({ mode, places, events }) => events >= 0.1 || (mode !== 1 && places >= 0.3);
  const byMode = [0, 1, 2, 3].map((mode) =>
    figure(
      share(
        seeds.filter((one) => one.mode === mode),
        differs,
      ),
    ),
  );
  return [
    line({ id: 'A19', what: 'same request, two processes: same bytes', goal: 1, overall: share(same, Boolean) }),
    line({
      id: 'A19',
      what: 'another seed: ≥ 30 % placed or 10 % other events',
      goal: 1,
      overall: share(seeds, differs),
      byMode,
    }),
  ];
}

function obedienceRows(requests, figures, modes) {
  const of = (wanted) =>
    share(
      requests.filter(({ what }) => what === wanted),
      ({ ok }) => ok,
    );
  const effects = descriptorEffects(figures, modes);
  return [
    line({ id: 'A21', what: 'settings written as asked', goal: 1, overall: of('settings') }),
    line({ id: 'A21', what: 'objects inside start_time and end_time', goal: 1, overall: of('window') }),
    line({
      id: 'A21',
      what: `descriptors of ${effects.length} with an effect ≥ 0.5 sd`,
      goal: Math.ceil((11 / 12) * effects.length),
      overall: effects.filter(({ effect }) => effect >= strongEffect).length,
    }),
  ];
}

function effectRows(figures, modes) {
  return descriptorEffects(figures, modes).map(
    ({ name, moves, plain, styled, effect }) =>
      `${cell(name, 28)}${cell(moves, 20)}${figure(plain, 3)} →${figure(styled, 3)}  effect ${figure(effect)} sd  ${effect >= strongEffect ? 'pass' : 'FAIL'}`,
  );
}

function discriminatorRows(made, humans, modes) {
  const results = modes.map((mode) => ({ mode, ...discriminate(mode, made, humans) }));
  const byMode = [0, 1, 2, 3].map((mode) => figure(results.find((one) => one.mode === mode)?.auc ?? NaN));
  const known = results.filter(({ auc }) => Number.isFinite(auc));
  return [
    line({
      id: 'A22',
      what: 'told from human maps (AUC, 5 folds)',
      goal: 0.85,
      less: true,
      overall: median(known.map(({ auc }) => auc)),
      byMode,
      people: '.5 (chance)',
    }),
    ...known.map(({ mode, telling }) => `    ${modeNames[mode]}: told by ${telling.join(', ')}`),
  ];
}

function issueRows(made, humans = []) {
  const countOf = (list, pick) => {
    const counts = new Map();
    for (const map of list) for (const id of new Set(pick(map))) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  };
  return ['blocking', 'advisoryIds'].map((kind) => {
    const mine = countOf(made, (map) => map[kind]);
    const theirs = countOf(humans, (map) => map[kind]);
    const ids = [...new Set([...mine.keys(), ...theirs.keys()])].sort();
    const text = ids.map((id) => {
      const live = humans.length > 0 ? ` (people ${figure((theirs.get(id) ?? 0) / humans.length, 2, 0)})` : '';
      return `${id} ${figure((mine.get(id) ?? 0) / made.length, 2, 0)}${live}`;
    });
    return `${kind === 'blocking' ? 'blocking' : 'advisory'}: ${text.join(', ') || 'none'}`;
  });
}
