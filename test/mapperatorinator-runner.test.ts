import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isRunning, runProgram, startProgram } from '../src/shared/process.ts';
import { coldCommand, runnerCommand } from '../src/worker/engines/mapperatorinator/command.ts';
import { createPool, type Patience, type Wear } from '../src/worker/engines/mapperatorinator/pool.ts';
import { startRunner, type RunnerEvent } from '../src/worker/engines/mapperatorinator/runner.ts';
import { eventually } from './service.ts';

const fixtures = fileURLToPath(new URL('./fixtures/mapperatorinator/', import.meta.url));
const never = new AbortController().signal;
const { PATH: searchPath = '' } = process.env;
const host = (python: string, home: string) => ({
  python,
  home,
  searchPath,
  huggingFaceHome: null,
  loraDir: null,
  scratch: tmpdir(),
});

/** A job with a folder of its own. */
function jobFor(args: Record<string, unknown> = {}, config = 'v32') {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  writeFileSync(join(folder, 'audio.mp3'), 'a song');
  const given = { title: 'a song', gamemode: 0, seed: 7, audio_path: join(folder, 'audio.mp3'), output_path: folder };
  return { run: `${folder}/1`, folder, config, args: { ...given, export_osz: false, tags: '', ...args } };
}

const python = { file: 'python3', args: ['-V'], env: { PATH: searchPath } };
const found = await runProgram(python, () => undefined, AbortSignal.timeout(5_000)).catch(() => null);

describe.skipIf(found?.code !== 0)('runner.py', () => {
  const checkout = host('python3', join(fixtures, 'checkout'));

  async function start(gpu: string | null = null, home = checkout.home) {
    const log: string[] = [];
    const runner = startRunner(runnerCommand({ ...checkout, home }, gpu, 'v32'), (line) => log.push(line));
    onTestFinished(() => runner.kill());
    return { runner, ready: await runner.ready, log };
  }

  async function run(runner: Awaited<ReturnType<typeof start>>['runner'], job = jobFor(), signal = never) {
    const events: RunnerEvent[] = [];
    const end = await runner.run(job, (event) => events.push(event), signal);
    const lines = events.flatMap((event) => (event.event === 'output' ? [event.line] : []));
    return {
      end,
      events,
      lines,
      seen: () => JSON.parse(readFileSync(join(job.folder, 'seen.json'), 'utf8')) as object,
    };
  }

  it('serves job after job, says each window of each stage, and loads a model once', async () => {
    const { runner, ready } = await start('-1');
    expect(ready).toMatchObject({ event: 'ready', device: 'cpu', memory_bytes: 8 * 1024 ** 3 });
    const first = await run(runner);
    const told = first.events.filter(({ event }) => event !== 'output');
    expect(told.map(({ event }) => event)).toEqual([
      'loading',
      'loaded',
      'stage',
      'window',
      'window',
      'window',
      'done',
    ]);
    expect(told[2]).toEqual({ event: 'stage', title: 'map' });
    expect(told[4]).toEqual({ event: 'window', done: 1, total: 2 });
    expect(first.lines).toEqual([
      'Generating map',
      '  0%|  | 0/2 [00:00<00:00]',
      ' 50%|█ | 1/2 [00:00<00:00]',
      '100%|██| 2/2 [00:00<00:00]',
      'Generated beatmap saved to <job>/seen.json',
    ]);
    const other = await run(runner, jobFor({ gamemode: 1 })); // its own model, and the base one for its timing
    expect(other.lines.filter((line) => line.startsWith('Model loaded'))).toHaveLength(1);
    const again = await run(runner);
    expect(again.lines).toEqual(first.lines);
  });

  it('draws the same numbers for a seed as a process of its own does, whatever came before', async () => {
    const { runner } = await start('-1');
    const cold = jobFor();
    writeFileSync(join(cold.folder, 'request.json'), JSON.stringify({ config: cold.config, args: cold.args }));
    await runProgram(coldCommand(checkout, '-1', join(cold.folder, 'request.json')), () => undefined, never);
    const expected = JSON.parse(readFileSync(join(cold.folder, 'seen.json'), 'utf8')) as { drawn: number[] };
    expect(expected.drawn).toHaveLength(2);
    for (const args of [{ seed: 8 }, { title: 'raise' }, { gamemode: 1 }]) await run(runner, jobFor(args));
    expect((await run(runner)).seen()).toMatchObject({ drawn: expected.drawn });
    expect((await run(runner, jobFor({ seed: 8 }))).seen()).not.toMatchObject({ drawn: expected.drawn });
  });

  it('takes every value as data, and nothing of the job before', async () => {
    const { runner } = await start('-1');
    const title = "${oc.env:PATH} it's, {a: 1}";
    const { seen } = await run(runner, jobFor({ title, descriptors: ['${x}'], year: 2020 }));
    expect(seen()).toMatchObject({ title, descriptors: ['${x}'], year: 2020, device: 'cpu' });
    const next = await run(runner, (await run(runner, jobFor({ title: 'half' })), jobFor()));
    expect(next.seen()).toMatchObject({ descriptors: null, year: null });
    expect(next.lines.join('\n')).not.toContain('half of a line');
  });

  it('is cancelled inside of a window, and the next job is served', async () => {
    const { runner } = await start('-1');
    const job = jobFor({ title: 'seconds=30' });
    const stop = new AbortController();
    const cancelled = run(runner, job, stop.signal);
    await sleep(500);
    stop.abort();
    const asked = performance.now();
    expect((await cancelled).end).toEqual({ event: 'cancelled' });
    expect(performance.now() - asked).toBeLessThan(2_000);
    expect((await run(runner)).end.event).toBe('done');
  });

  it('says why a job failed, names no folder of this machine, and goes on', async () => {
    const { runner, log } = await start('-1');
    const { end, lines } = await run(runner, jobFor({ title: 'raise' }));
    expect(end).toEqual({ event: 'failed', error: 'ValueError: first line in <job>/seen.json' });
    expect(lines.join('\n')).not.toContain(fixtures);
    expect((await run(runner, jobFor({}, 'v99'))).end).toMatchObject({ error: expect.stringContaining("model 'v99'") });
    expect((await run(runner, jobFor({ nonsense: 1 }))).end).toMatchObject({
      error: expect.stringContaining("no parameter 'nonsense'"),
    });
    const native = await run(runner, jobFor({ title: 'native' })); // another stream: it may come after the end
    await eventually(
      async () => [...native.lines, ...log],
      (said) => said.includes('from below'),
    );
  });

  it('refuses to work on the CPU where a GPU was given, or on a version that lacks what it calls', async () => {
    const { ready } = await start('0');
    expect(ready).toEqual({
      event: 'refused',
      unsupported: false,
      error: 'DeviceUnavailable: torch 0.0.0+fixture is a build without CUDA',
    });
    const home = copyOfCheckout();
    appendFileSync(join(home, 'inference.py'), '\n\ndel get_config\n');
    expect((await start('-1', home)).ready).toEqual({
      event: 'refused',
      unsupported: true,
      error: 'Unsupported: inference.py has no get_config()',
    });
    appendFileSync(join(home, 'inference.py'), 'import no_such_module\n');
    expect((await start('-1', home)).ready).toMatchObject({
      unsupported: false,
      error: expect.stringContaining('ModuleNotFoundError'),
    });
  });

  it('ends when its worker is gone', async () => {
    const home = copyOfCheckout();
    const module = new URL('../dist/worker/engines/mapperatorinator/runner.js', import.meta.url).href;
    const script = `import { startRunner } from ${JSON.stringify(module)};
      const runner = startRunner(${JSON.stringify(runnerCommand({ ...checkout, home }, '-1', null))}, () => {});
      await runner.ready; console.log('ready'); setInterval(() => {}, 1000);`;
    const file = join(home, 'worker.mjs');
    writeFileSync(file, script);
    const worker = startProgram({ file: process.execPath, args: [file], env: { PATH: searchPath } }, () => undefined);
    await eventually(
      () => runningIn(home),
      (pids) => pids.length === 1,
    );
    worker.kill();
    await eventually(
      () => runningIn(home),
      (pids) => pids.length === 0,
      5_000,
    );
  });

  const copyOfCheckout = () => copyOf(checkout.home);
});

function copyOf(home: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'checkout-'));
  cpSync(home, copy, { recursive: true });
  return copy;
}

/** Numbers of the processes with this working folder. */
async function runningIn(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => folders[index] === folder);
}

describe('the pool of runners', () => {
  const replayed = host(join(fixtures, 'python.mjs'), join(fixtures, 'home'));

  interface Given {
    gpus?: (string | null)[];
    wear?: Partial<Wear>;
    patience?: Partial<Patience>;
    home?: string;
    python?: string;
  }

  function start({
    gpus = ['0'],
    wear = {},
    patience = {},
    home = replayed.home,
    python = replayed.python,
  }: Given = {}) {
    const logged: Record<string, unknown>[] = [];
    const log = pino(
      { level: 'debug' },
      { write: (line) => void logged.push(JSON.parse(line) as object & (typeof logged)[0]) },
    );
    const pool = createPool({
      gpus,
      launch: (gpu, model) => runnerCommand({ ...replayed, home, python }, gpu, model),
      model: 'v32',
      wear: { jobs: 100, bytes: 50e9, ...wear },
      patience: { start: 20_000, again: 30_000, ...patience },
      onChange: () => undefined,
      log,
    });
    onTestFinished(() => pool.close());

    /** One job with these words in its title: how it ended, and the process that did it. */
    async function run(words: string, signal = never, config = 'v32') {
      const job = jobFor({ title: `fixture:slow=0 fixture:who ${words}` }, config);
      const lines: string[] = [];
      const onEvent = (event: RunnerEvent) => void (event.event === 'output' && lines.push(event.line));
      const error = await pool.run(
        { job, onEvent, runCold: async (gpu) => ({ code: 'cold', detail: String(gpu) }) },
        signal,
      );
      const pids = lines.flatMap((line) => /^process (\d+)$/.exec(line)?.slice(1).map(Number) ?? []);
      return { code: error?.code ?? 'done', error, lines, pids, pid: pids.at(-1) };
    }
    return { pool, run, logged };
  }

  it('keeps a process for job after job, also after a cancel and after a fault of a song', async () => {
    const { run } = start();
    const { pid } = await run('');
    expect(await run('fixture:no-beat')).toMatchObject({ code: 'no_beat_found', pid });
    const stop = new AbortController();
    const cancelled = run('fixture:slow=20', stop.signal);
    await sleep(300);
    stop.abort();
    expect(await cancelled).toMatchObject({ code: 'cancelled', pid });
    expect(await run('')).toMatchObject({ code: 'done', pid });
  });

  it('runs as many jobs at once as it has slots, each on its own', async () => {
    const { run, pool } = start({ gpus: ['0', '1'] });
    const [a, b, c] = await Promise.all([run('fixture:slow=1'), run('fixture:slow=1'), run('')]);
    expect(a.pid).not.toBe(b.pid);
    expect([a.pid, b.pid]).toContain(c.pid);
    expect(pool.report().map(({ slot, state, device_name: name }) => [slot, state, name])).toEqual([
      ['0', 'ready', 'Fixture GPU'],
      ['1', 'ready', 'Fixture GPU'],
    ]);
  });

  it('replaces a process after so many jobs, and when its memory has grown', async () => {
    const { run, logged } = start({ wear: { jobs: 2 } });
    const first = await run('');
    expect((await run('')).pid).toBe(first.pid);
    expect((await run('')).pid).not.toBe(first.pid);
    const grown = start();
    const before = await grown.run('');
    expect(await grown.run('fixture:grow')).toMatchObject({ code: 'done', pid: before.pid });
    expect((await grown.run('')).pid).not.toBe(before.pid);
    expect(logged.map(({ reason }) => reason)).toContain('it has served 2 jobs');
  });

  it('replaces a process that ran out of memory; what another job may be to blame for is tried once more', async () => {
    const { run } = start();
    const oom = await run('fixture:oom');
    expect(oom).toMatchObject({ code: 'model_oom', pids: [oom.pid] }); // it was the first: nobody else is to blame
    const first = await run('');
    expect(first.pid).not.toBe(oom.pid);
    const stale = await run('fixture:stale-oom');
    expect(stale.code).toBe('done');
    expect(stale.pid).not.toBe(first.pid);
    const twice = await run('fixture:oom');
    expect(twice).toMatchObject({ code: 'model_oom', pids: [stale.pid, expect.any(Number)] });
  });

  it('goes on after kill -9, in a job and between jobs', async () => {
    const { run } = start();
    const killed = await run('fixture:killed');
    expect(killed.code).toBe('model_oom');
    const next = await run('');
    expect(next.code).toBe('done');
    process.kill(next.pid!, 'SIGKILL');
    await sleep(300);
    expect((await run('')).code).toBe('done');
  });

  it.each(['hang', 'freeze'])('kills a process that does not answer a cancel: %s', async (word) => {
    const { run } = start();
    const stop = new AbortController();
    const stuck = run(`fixture:${word}`, stop.signal);
    await sleep(500);
    stop.abort();
    const { pid } = await stuck;
    expect(isRunning(pid!)).toBe(false);
    expect(await run('')).toMatchObject({ code: 'done' });
  });

  it('leaves out a GPU that cannot be used, and says why', async () => {
    const { run, pool } = start({ gpus: ['0', '7'] });
    await eventually(
      async () => pool.report(),
      ([, bad]) => bad?.state === 'failed',
    );
    expect(pool.report()[1]).toMatchObject({
      slot: '7',
      code: 'device_unavailable',
      detail: expect.stringContaining('no such GPU'),
    });
    expect(pool.capacity()).toBe(1);
    const runs = await Promise.all([run('fixture:slow=0.5'), run('')]);
    expect(new Set(runs.map(({ pid }) => pid)).size).toBe(1);
    const alone = start({ gpus: ['7'] });
    expect(await alone.run('')).toMatchObject({ code: 'device_unavailable' });
    expect(alone.pool.capacity()).toBe(0);
  });

  it('does not give a job to a slot that is not ready while another is', async () => {
    const { run, pool } = start({ gpus: ['8', '0'] });
    await eventually(
      async () => pool.report(),
      ([, good]) => good?.state === 'ready',
    );
    const runs = await Promise.all([run('fixture:slow=0.5'), run('', AbortSignal.timeout(5_000))]);
    expect(runs.map(({ code }) => code)).toEqual(['done', 'done']);
  });

  it('runs a job elsewhere whose slot could not be started after all', async () => {
    const { run } = start({ gpus: ['7', '0'] });
    const runs = await Promise.all([run(''), run('')]);
    expect(runs.map(({ code }) => code)).toEqual(['done', 'done']);
  });

  it('gives up on a runner that does not get ready, and tries another', async () => {
    const { run, pool, logged } = start({ gpus: ['8'], patience: { start: 300, again: 300 } });
    expect((await run('')).error).toMatchObject({
      code: 'device_unavailable',
      detail: expect.stringContaining('not ready after 0.3 s'),
    });
    const failures = () => logged.filter(({ level }) => level === 50).length;
    await eventually(
      async () => failures(),
      (count) => count >= 2,
    );
    expect(pool.capacity()).toBe(0);
  });

  it('can run nothing while it tries a GPU again that could not be used', async () => {
    const { pool, logged } = start({ gpus: ['7'], patience: { again: 50 } });
    const failures = () => logged.filter(({ level }) => level === 50).length;
    await eventually(
      async () => failures(),
      (count) => count === 1,
    );
    const capacities = new Set<number>();
    while (failures() < 4) {
      capacities.add(pool.capacity());
      await sleep(5);
    }
    expect([...capacities]).toEqual([0]);
  });

  it('works on after a model that does not fit into the memory', async () => {
    const { run } = start({ gpus: ['9'] });
    expect(await run('')).toMatchObject({ code: 'done' });
    expect(await run('', never, 'v30')).toMatchObject({ code: 'model_oom' });
    expect(await run('')).toMatchObject({ code: 'done' });
  });

  it('says so, without a path, where there is no such Python', async () => {
    const { run } = start({ python: '/no/such/python' });
    const { error } = await run('');
    expect(error).toMatchObject({ code: 'engine_unavailable', detail: expect.not.stringContaining('/no/such') });
    const { error: elsewhere } = await start({ home: '/no/such/checkout' }).run('');
    expect(elsewhere).toMatchObject({ code: 'engine_unavailable', detail: expect.not.stringContaining('/no/such') });
  });

  it('works on with other models where the one that it began with is gone', async () => {
    const home = copyOf(replayed.home);
    const { run, pool, logged } = start({ home, patience: { again: 200 } });
    const { pid } = await run('');
    rmSync(join(home, 'configs', 'inference', 'v32.yaml'));
    process.kill(pid!, 'SIGKILL');
    await eventually(
      async () => logged.map(({ code }) => code),
      (codes) => codes.includes('model_missing'),
    );
    await eventually(
      async () => pool.report(),
      ([slot]) => slot?.state === 'ready',
    );
    expect(await run('', never, 'v30')).toMatchObject({ code: 'done' });
  });

  it('does not explain the death of a runner by what the job before said', async () => {
    const { run } = start();
    await run('fixture:no-beat');
    const first = await start().run('fixture:dies');
    expect(first.code).toBe('model_oom');
    expect((await run('fixture:dies')).error?.detail).toBe(first.error?.detail);
  });

  it('runs a job whose runner died just before it', async () => {
    const { run } = start();
    const { pid } = await run('');
    process.kill(pid!, 'SIGSEGV');
    expect(await run('')).toMatchObject({ code: 'done' });
  });

  it('does not start runners for ever that die before their first job', async () => {
    const home = copyOf(replayed.home);
    const { run, pool } = start({ home, patience: { again: 500 } });
    await eventually(
      async () => pool.report(),
      ([slot]) => slot?.state === 'ready',
    );
    for (const pid of await runningIn(home)) process.kill(pid, 'SIGKILL');
    await eventually(
      async () => pool.report(),
      ([slot]) => slot?.state === 'failed',
    );
    await eventually(
      async () => pool.report(),
      ([slot]) => slot?.state === 'ready',
    );
    expect(await run('')).toMatchObject({ code: 'done' });
  });

  it('measures the growth of a process from its first map on, also where its first job failed', async () => {
    const { run } = start({ wear: { bytes: 0.5e9 } });
    const { pid } = await run('fixture:no-beat');
    expect(await run('')).toMatchObject({ code: 'done', pid });
    expect(await run('')).toMatchObject({ code: 'done', pid });
  });

  it('starts no process when it is closed under a job', async () => {
    const home = copyOf(replayed.home);
    const { run, pool } = start({ home });
    const job = run('fixture:slow=20');
    await sleep(500);
    pool.close();
    await job;
    await sleep(300);
    expect(await runningIn(home)).toEqual([]);
  });

  it('takes what no runner says for output', async () => {
    const { run } = start();
    expect(await run('fixture:nonsense')).toMatchObject({
      code: 'done',
      lines: expect.arrayContaining(['{"event":"dance"}']),
    });
  });

  it('runs each job as a process of its own where the checkout cannot be kept warm, and says why once', async () => {
    const home = copyOf(replayed.home);
    appendFileSync(join(home, 'inference.py'), '# old\n');
    const { run, logged } = start({ home });
    expect((await run('')).error).toEqual({ code: 'cold', detail: '0' });
    expect((await run('')).code).toBe('cold');
    expect(logged.filter(({ level }) => level === 40).map(({ reason }) => reason)).toEqual([
      'Unsupported: inference.py has no compile_args()',
    ]);
  });
});
