import type { EngineLine } from '../engine.ts';
import { loaded, stagePlan, type PlanParams, type Stage } from './plan.ts';
import type { RunnerEvent } from './runner.ts';

/** When the attention line comes, Python's imports are done: some 8 s of a run, in percent of it. */
const imported = 2;

const bar = /^\s*\d{1,3}%\|[^|]*\|\s*(\d+)\/(\d+)\s+\[/;
const title = /^Generating (timing|kiai|map|sv)$/;
const attention = /^Using (SDPA|Flash Attention) for attention|^Flash Attention .+ Falling back to SDPA\.$/;
const positions = /^seq len (\d+)$/;
const incomplete = /^Warning: (?:Incomplete|Invalid) (slider|hold note|drumroll|denden|spinner)\b/;
const saved = /^Generated (?:beatmap|\.osz) saved to ./;

/** Positions are sampled in parts of 1024 that overlap by 128 at both ends, each with a bar of its own. */
const partsOf = (length: number) => Math.max(1, Math.ceil((length - 2 * 128) / (1024 - 2 * 128)));

type Track = ReturnType<typeof createTrack>;

/** Where a run is along the plan of its request. The percentage never falls. */
function createTrack(params: PlanParams, model: string) {
  const plan = stagePlan(params, model);
  let stage: Stage | null = null;
  let percent = 0;
  let parts = 1;
  let part = 0;
  /** The last bar that was drawn is full, so a full one again says nothing new. */
  let full = true;

  const at = (word: string, reached: number): EngineLine => {
    percent = Math.max(percent, reached);
    return { progress: { stage: word, percent } };
  };

  /** `length`: of a sequence of positions. */
  function enter(name: string, length?: number): EngineLine {
    const next = plan.find((step) => step.title === name);
    if (!next || (stage && next.from <= stage.from)) return {};
    stage = next;
    [part, parts, full] = [0, length === undefined ? 1 : partsOf(length), true];
    return at(next.word, next.from);
  }

  return {
    loading: () => at('loading_model', imported),
    loaded: () => (stage ? {} : at('loading_model', loaded)),
    enter,
    draw(done: number, total: number): EngineLine {
      if (!stage && params.parallel) enter('map'); // all windows at once: one bar, without a title
      if (!stage || total === 0 || done > total) return {};
      // A full bar right after a title is the last one of the stage before, late on another stream.
      if (full && done === total) return {};
      full = done === total;
      const share = Math.min(1, (part + done / total) / parts);
      if (full) part += 1;
      return at(stage.word, stage.from + (stage.to - stage.from) * share);
    },
    /** Where the last stage is over: objects are put together. */
    assembling: () => (stage && stage === plan.at(-1) ? at('postprocessing', stage.to) : {}),
    saved: () => at('saving', 100),
  };
}

/** What the program remarks on the way, told once, and the objects that it leaves incomplete, told at the end. */
function createRemarks(track: Track) {
  const told = new Set<string>();
  const broken = new Map<string, number>();
  return {
    read(line: string): EngineLine {
      const kind = incomplete.exec(line)?.[1];
      if (kind !== undefined) {
        broken.set(kind, (broken.get(kind) ?? 0) + 1);
        return track.assembling();
      }
      const remark = remarkOf(line);
      if (remark === undefined || told.has(remark)) return {};
      told.add(remark);
      return { warning: remark };
    },
    end: () => ({ ...track.saved(), ...summary(broken) }),
  };
}

/**
 * Reads a run of inference.py line by line. Only the program's own titles and nameless bars move the progress, and only
 * along the plan of this request: downloads, paths, dates and echoed values do not.
 */
export function createMapperatorinatorReader(params: PlanParams, model: string): (line: string) => EngineLine {
  const track = createTrack(params, model);
  const remarks = createRemarks(track);
  return (line) => {
    const drawn = bar.exec(line);
    if (drawn) return track.draw(Number(drawn[1]), Number(drawn[2]));
    if (attention.test(line)) return track.loading();
    if (/^Model loaded: ./.test(line)) return track.loaded();
    const name = title.exec(line)?.[1];
    if (name !== undefined) return track.enter(name);
    const length = positions.exec(line)?.[1];
    if (length !== undefined) return track.enter('positions', Number(length));
    return saved.test(line) ? remarks.end() : remarks.read(line);
  };
}

/** Reads what the warm runner says of one job. */
export function createRunnerReader(params: PlanParams, model: string): (event: RunnerEvent) => EngineLine {
  const track = createTrack(params, model);
  const remarks = createRemarks(track);
  return (event) => {
    switch (event.event) {
      case 'output':
        return { output: event.line, ...remarks.read(event.line) };
      case 'loading':
        return track.loading();
      case 'loaded':
        return track.loaded();
      case 'stage':
        return track.enter(event.title, event.length);
      case 'window':
        return track.draw(event.done, event.total);
      case 'done':
        return remarks.end();
      case 'refused':
      case 'ready':
      case 'cancelled':
      case 'failed':
        return {};
    }
  };
}

function summary(broken: ReadonlyMap<string, number>): EngineLine {
  if (broken.size === 0) return {};
  const counts = [...broken].map(([kind, count]) => `${kind}: ${count}`).join(', ');
  return {
    warning: `The model left objects incomplete (${counts}); they are not in the map. Many of them mean a bad map.`,
  };
}

/** What the program prints and goes on, in words for its user. */
function remarkOf(line: string): string | undefined {
  const [, kind, value] = /^(Descriptor|Mapper) class (.+) not found\. (?:Skipping|Using default)\.$/.exec(line) ?? [];
  if (kind === 'Descriptor') return `The model does not know the descriptor "${value}"; it was left out.`;
  if (kind === 'Mapper') return `The model does not know the mapper ${value}; it used no mapper's style.`;
  if (/^(CUDA|MPS) is not available\. Falling back to CPU\.$/.test(line)) return `${line} This is slow.`;
  return undefined;
}
