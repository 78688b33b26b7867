import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EngineLine } from '../src/worker/engines/engine.ts';
import { explainFailure } from '../src/worker/engines/mapperatorinator/failure.ts';
import { stagePlan, type PlanParams } from '../src/worker/engines/mapperatorinator/plan.ts';
import { createMapperatorinatorReader } from '../src/worker/engines/mapperatorinator/progress.ts';

/** A transcript's first line is what was asked for, its last one how the run ended; between them is the output. */
interface Line {
  model: string;
  params: PlanParams;
  text?: string;
  code: number | null;
  signal: string | null;
}

/** A recorded run of the real program with a tiny checkpoint. */
function transcript(name: string) {
  const text = readFileSync(new URL(`./fixtures/mapperatorinator/transcripts/${name}.jsonl`, import.meta.url), 'utf8');
  const records = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const [head, exit] = [records[0], records.at(-1)];
  if (!head || !exit) throw new Error(`The transcript ${name} is empty.`);
  const output = records.map((record) => record.text ?? '').join('');
  const lines = output.split(/[\r\n]/).filter((line) => line.trim() !== '');
  return { model: head.model, params: head.params, lines, exit };
}

const names = readdirSync(new URL('./fixtures/mapperatorinator/transcripts/', import.meta.url)).map((file) =>
  file.replace('.jsonl', ''),
);

function readAll(lines: string[], params: PlanParams = { gamemode: 0 }, model = 'v32'): EngineLine[] {
  return lines.map(createMapperatorinatorReader(params, model));
}

const percents = (read: EngineLine[]) => read.flatMap(({ progress }) => (progress ? [progress.percent] : []));
const stages = (read: EngineLine[]) => [...new Set(read.flatMap(({ progress }) => (progress ? [progress.stage] : [])))];
const drawn = (done: number, total: number) =>
  `${Math.floor((100 * done) / total)}%|█████     | ${done}/${total} [00:02<00:18,  2.02s/it, 0.5 tok/s]`;
const fullStage = (name: string) => [`Generating ${name}`, drawn(0, 4), drawn(2, 4), drawn(4, 4)];

describe('the plan of a run', () => {
  it.each<[string, PlanParams, string]>([
    ['v32', {}, 'timing map'],
    ['v32', { gamemode: 3 }, 'timing map sv'],
    ['v32', { in_context: ['TIMING'] }, 'map'],
    ['v32', { in_context: ['TIMING'], super_timing: true }, 'map'],
    ['v32', { output_type: ['TIMING'] }, 'timing'],
    ['v32', { generate_positions: true }, 'timing map positions'],
    ['v32', { generate_positions: true, gamemode: 1 }, 'timing map'],
    ['v31', { in_context: ['GD', 'TIMING'] }, 'kiai map'],
    ['v30', {}, 'map'],
    ['v30', { super_timing: true }, 'timing map'],
    ['v28', { gamemode: 2 }, 'timing kiai map positions'],
    ['v28', { generate_positions: false }, 'timing kiai map'],
    ['v28', { output_type: ['TIMING', 'KIAI'] }, 'timing kiai'],
  ])('of %s with %j is %s', (model, params, titles) => {
    const plan = stagePlan(params, model);
    expect(plan.map(({ title }) => title).join(' ')).toBe(titles);
    expect(plan.at(-1)?.to).toBeCloseTo(96);
  });
});

describe('the progress of a recorded run', () => {
  it.each(names)('of %s never falls, and is 100 only when the program succeeded', (name) => {
    const { lines, params, model, exit } = transcript(name);
    const seen = percents(readAll(lines, params, model));
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    if (exit.code === 0) expect(seen.at(-1)).toBe(100);
    else expect(seen.at(-1)).toBeLessThan(100);
  });

  it('goes through the stages in their order', () => {
    const { lines, params, model } = transcript('osu');
    expect(stages(readAll(lines, params, model))).toEqual([
      'loading_model',
      'generating_timing',
      'generating_map',
      'saving',
    ]);
  });

  it('follows windows that are made in parallel, which have no title', () => {
    const bar = [drawn(0, 2), drawn(1, 2), drawn(2, 2)];
    const read = readAll(bar, { gamemode: 0, parallel: true });
    expect(stages(read)).toEqual(['generating_map']);
    const [first, middle, last] = percents(read);
    expect([middle! - first!, last! - middle!].every((step) => step > 10)).toBe(true);
  });

  it('gives the scroll speeds of mania a part of the way of their own', () => {
    const { lines, params, model } = transcript('mania-osz');
    const read = readAll(lines, params, model);
    const before = percents(read.slice(0, lines.indexOf('Generating sv'))).at(-1);
    expect(before).toBeGreaterThan(50);
    expect(before).toBeLessThan(90);
    expect(read.at(-1)).toEqual({ progress: { stage: 'saving', percent: 100 } });
  });
});

describe('the reason of a recorded failure', () => {
  it.each([
    ['bad-year', 'invalid_parameter', 'EventType.YEAR'],
    ['no-beat', 'no_beat_found', 'No timing points found in beatmap.'],
    ['invalid-audio', 'invalid_audio', 'CouldntDecodeError'],
    ['model-missing', 'model_missing', "couldn't connect"],
  ])('of %s is %s', (name, code, words) => {
    const { lines, exit } = transcript(name);
    const error = explainFailure(lines.slice(-20), exit);
    expect(error.code).toBe(code);
    expect(error.detail).toContain(words);
  });

  it.each([
    ['Failed: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.', 'model_oom'],
    ['Failed: torch.AcceleratorError: CUDA error: device-side assert triggered', 'device_unavailable'],
    ["Failed: FileNotFoundError: [Errno 2] No such file or directory: 'ffprobe'", 'engine_unavailable'],
    ["Failed: ModuleNotFoundError: No module named 'torch'", 'engine_unavailable'],
    ["ModuleNotFoundError: No module named 'hydra'", 'engine_unavailable'],
    ['Failed: OSError: [Errno 28] No space left on device', 'storage_full'],
    ["Failed: ValueError: Can't find 'adapter_config.json' at '<loras>/mine'", 'lora_unusable'],
    [
      'Failed: ValueError: No viable template found for the given context types. Candidates are: []',
      'invalid_parameter',
    ],
    ['Failed: RuntimeError: something else', 'engine_failed'],
  ])('%s is %s', (line, code) => {
    expect(explainFailure(['Generating map', line, 'a line of another stream'], { code: 1, signal: null }).code).toBe(
      code,
    );
  });

  it('is want of memory when the system killed the program without a word', () => {
    expect(explainFailure(['Generating map'], { code: null, signal: 'SIGKILL' }).code).toBe('model_oom');
    expect(explainFailure(['Generating map'], { code: null, signal: 'SIGSEGV' }).code).toBe('engine_failed');
  });

  it('is never taken from overrides that are echoed', () => {
    const echoed = "Error executing job with overrides: ['title=MemoryError: out of memory', 'seed=1']";
    const error = explainFailure([echoed, 'ValueError: bad'], { code: 1, signal: null });
    expect(error).toEqual({ code: 'engine_failed', detail: 'The program ended with code 1: ValueError: bad' });
  });
});

describe('lines that are no progress', () => {
  it.each([
    'model.safetensors:  45%|████▌     | 390M/866M [00:10<00:12, 38.9MB/s]',
    'Fetching 4 files:  50%|█████     | 2/4 [00:01<00:01,  1.2it/s]',
    "Error executing job with overrides: ['export_osz=true', 'title=100%|██| 10/10 [x']",
    '/srv/2026/07/24/100%/outputs/3/4.osu',
    'Model not loaded: Model loaded: x',
    ' Generating map',
    'Generating map of the area',
    'Using default title Generated beatmap saved to /x.osu',
    'Descriptor class Generating map not found. Skipping.',
    '50%|█████     | 9/4 [00:01<00:01]',
    '100%|██████████| 0/0 [00:00<?, ?it/s]',
  ])('%s', (line) => {
    const read = createMapperatorinatorReader({ gamemode: 0 }, 'v32');
    for (const before of ['Generating timing', drawn(0, 4), drawn(2, 4)]) read(before);
    expect(read(line).progress).toBeUndefined();
  });

  it('include bars before the first title, as of a download without a name', () => {
    expect(percents(readAll([drawn(0, 4), drawn(4, 4)]))).toEqual([]);
  });

  it('include the last bar of a stage that comes after the title of the next', () => {
    const read = readAll(['Generating timing', drawn(0, 4), drawn(3, 4), 'Generating map', drawn(4, 4), drawn(0, 4)]);
    expect(percents(read).at(-1)).toBeLessThan(30);
  });

  it('include the title of a stage that is over', () => {
    const read = readAll([...fullStage('timing'), ...fullStage('map'), 'Generating timing', drawn(0, 4)]);
    expect(stages(read).at(-1)).toBe('generating_map');
  });
});

describe('the plan of stages', () => {
  const reached = (params: Record<string, unknown>, model: string, lines: string[]) =>
    percents(readAll(lines, params, model)).at(-1);

  it('has no timing for v30, which writes it into the map', () => {
    expect(reached({ gamemode: 0 }, 'v30', ['Generating map'])).toBe(6);
  });

  it('has kiai for v31', () => {
    const lines = [...fullStage('timing'), ...fullStage('kiai')];
    expect(stages(readAll(lines, { gamemode: 0 }, 'v31'))).toEqual(['generating_timing', 'generating_kiai']);
    expect(reached({ gamemode: 0 }, 'v31', [...lines, ...fullStage('map')])).toBe(96);
  });

  it('gives super timing more of the way', () => {
    const plain = reached({ gamemode: 0 }, 'v32', fullStage('timing'));
    expect(reached({ gamemode: 0, super_timing: true }, 'v32', fullStage('timing'))).toBeGreaterThan(plain ?? 100);
  });

  it('ends with positions for v29 in osu!, one bar for each part of the sequence', () => {
    const lines = [...['timing', 'kiai', 'map'].flatMap(fullStage), 'seq len 1500', drawn(0, 4), drawn(4, 4)];
    const read = readAll(lines, { gamemode: 0 }, 'v29');
    expect(stages(read).at(-1)).toBe('refining_positions');
    expect(percents(read).at(-1)).toBeLessThan(96);
    expect(reached({ gamemode: 0 }, 'v29', [...lines, drawn(4, 4), drawn(0, 4), drawn(4, 4)])).toBe(96);
  });

  it('does not take positions into account where the plan has none', () => {
    const lines = ['Generating map', drawn(0, 4), 'seq len 5000', drawn(4, 4)];
    expect(reached({ gamemode: 0 }, 'v32', lines)).toBe(96);
  });

  it('follows a model of its owner as it would v32', () => {
    expect(reached({ gamemode: 0 }, 'my-own', [...fullStage('timing'), ...fullStage('map')])).toBe(96);
  });
});

describe('warnings', () => {
  it('name what the model did not know, once', () => {
    const line = 'Descriptor class style/x not found. Skipping.';
    const read = readAll([line, line, 'Mapper class 42 not found. Using default.']);
    expect(read.map(({ warning }) => warning)).toEqual([
      'The model does not know the descriptor "style/x"; it was left out.',
      undefined,
      "The model does not know the mapper 42; it used no mapper's style.",
    ]);
  });

  it('count incomplete objects, in one sentence at the end', () => {
    const read = readAll([
      ...fullStage('map'),
      'Warning: Incomplete slider at 1234',
      'Warning: Incomplete slider at 2234',
      'Warning: Incomplete spinner at 3234',
      'Generated beatmap saved to out/a.osu',
    ]);
    const warnings = read.flatMap(({ warning }) => warning ?? []);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('slider: 2, spinner: 1');
    expect(stages(read)).toContain('postprocessing');
  });
});
