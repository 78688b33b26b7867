// The real program behind the whole service, by HTTP alone; prints a transcript and ends with 1 when something is not as promised.
//
//   npm run try-engine -- --url http://127.0.0.1:8000 [--song assets/demo-song.ogg] [--model v32] [--title TITLE]
//
// The service must be up and its worker's device ready: all four modes with their stages as they come, a cancel between two windows, a
// beatmap sent along for its timing, and an addition to it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { strFromU8, unzipSync } from 'fflate';

const { values: given } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8000' },
    song: { type: 'string', default: fileURLToPath(new URL('../../assets/demo-song.ogg', import.meta.url)) },
    model: { type: 'string', default: 'v32' },
    title: { type: 'string' },
  },
});
const began = performance.now();
let broken = 0;
const say = (text) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)}  ${text}`);

function expect(what, holds) {
  say(`${holds ? 'ok     ' : 'BROKEN '} ${what}`);
  if (!holds) broken += 1;
}

const names = given.title ? { title: given.title } : {};
const get = (path) => fetch(given.url + path).then((answer) => answer.json());

async function submit(fields, beatmap) {
  const form = new FormData();
  form.set('audio_file', new Blob([readFileSync(given.song)]), basename(given.song));
  for (const [name, value] of Object.entries({ model: given.model, seed: 1, ...names, ...fields }))
    form.set(name, String(value));
  if (beatmap) form.set('beatmap_file', new Blob([beatmap]), 'reference.osu');
  const body = await fetch(`${given.url}/process`, { method: 'POST', body: form }).then((answer) => answer.json());
  if (!body.job_id) throw new Error(JSON.stringify(body));
  say(`POST /process ${JSON.stringify(fields)} → ${body.job_id} (${body.engine}, ${body.model})`);
  return body.job_id;
}

/** Follows the job's event stream to its end. `onStage` may act on it. */
async function follow(id, onStage = () => undefined) {
  const stream = await fetch(`${given.url}/jobs/${id}/stream`);
  let text = '';
  let stage;
  let updates = 0;
  for await (const chunk of stream.body) {
    text += Buffer.from(chunk).toString('utf8');
    const events = text.split('\r\n\r\n');
    text = events.pop();
    for (const event of events) {
      const data = /^data: (\{.*"stage".*\})\r?$/m.exec(event)?.[1];
      if (!data || !event.includes('event: progress')) continue;
      const { stage: now, progress } = JSON.parse(data);
      updates += 1;
      if (now === stage) continue;
      stage = now;
      say(`  ${String(progress).padStart(5)} %  ${now}`);
      await onStage(now);
    }
  }
  const job = await get(`/jobs/${id}`);
  say(`  ${job.state}, ${updates} progress events${job.error ? `: ${job.error.code}: ${job.error.detail}` : ''}`);
  return job;
}

async function mapOf(id) {
  const answer = await fetch(`${given.url}/jobs/${id}/download`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x50) return { text: strFromU8(bytes), files: [] };
  const files = unzipSync(bytes);
  const name = Object.keys(files).find((entry) => entry.endsWith('.osu'));
  return { text: strFromU8(files[name]), files: Object.keys(files) };
}

const section = (text, name) => {
  const [, rest = ''] = text.split(`[${name}]`);
  return rest
    .split(/^\[/m)[0]
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
};
const objects = (text) => section(text, 'HitObjects');
const reds = (text) => section(text, 'TimingPoints').filter((line) => line.split(',')[6] === '1');

const times = (lines, column) => lines.map((line) => Math.round(Number(line.split(',')[column]))).join();

const { devices } = await get('/readyz');
for (const { slot, state, device, device_name: name, model } of devices) {
  say(`slot ${slot}: ${state}, ${name ?? device}, ${model}`);
}

const maps = [];
for (const gamemode of [0, 1, 2, 3]) {
  const id = await submit({ gamemode, difficulty: 5 });
  const job = await follow(id);
  expect(`gamemode ${gamemode} succeeds`, job.state === 'succeeded');
  if (job.state !== 'succeeded') continue;
  const { text, files } = await mapOf(id);
  maps[gamemode] = text;
  expect(`the .osz has a map and its song: ${files.join(', ')}`, files.length >= 2);
  expect(`the map is of mode ${gamemode} with ${objects(text).length} objects`, text.includes(`Mode: ${gamemode}`));
}

const cancelled = await submit({ gamemode: 0 });
let asked;
const end = await follow(cancelled, async (stage) => {
  if (stage !== 'generating_map') return;
  asked = performance.now();
  await fetch(`${given.url}/jobs/${cancelled}/cancel`, { method: 'POST' });
  say('  POST /cancel');
});
expect(
  `a cancel in the map stage is final after ${Math.round(performance.now() - asked)} ms`,
  end.state === 'cancelled',
);

const again = await submit({ gamemode: 0, difficulty: 5 });
await follow(again);
expect('the same seed makes the same map, after a cancel too', (await mapOf(again)).text === maps[0]);

const byBuiltin = await submit({ model: 'builtin', gamemode: 0, difficulty: 3 });
await follow(byBuiltin);
const { text: reference } = await mapOf(byBuiltin);
const timed = await submit({ gamemode: 0, seed: 2 }, reference);
const stages = [];
await follow(timed, (stage) => void stages.push(stage));
expect('with a beatmap_file its timing is taken and none is generated', !stages.includes('generating_timing'));
expect(
  `its red lines are at the same times (${reds(reference).length})`,
  times(reds((await mapOf(timed)).text), 0) === times(reds(reference), 0),
);

const window = { start_time: 20_000, end_time: 30_000 };
const added = await submit({ gamemode: 0, add_to_beatmap: true, seed: 3, ...window }, reference);
const addition = await follow(added);
expect('add_to_beatmap succeeds', addition.state === 'succeeded');
if (addition.state === 'succeeded') {
  const { text } = await mapOf(added);
  const outside = (map) =>
    objects(map).filter((line) => {
      const time = Number(line.split(',')[2]);
      return time < window.start_time || time > window.end_time;
    });
  expect(
    `outside of the window the objects are where they were (${outside(reference).length})`,
    times(outside(text), 2) === times(outside(reference), 2),
  );
  expect('inside of it they are others', times(objects(text), 2) !== times(objects(reference), 2));
}
say(broken === 0 ? 'all as promised' : `${broken} broken`);
process.exitCode = broken === 0 ? 0 : 1;
