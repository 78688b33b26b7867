import { fileURLToPath } from 'node:url';
import type { JobError, Report } from '../../../shared/jobs.ts';
import type { Exit } from '../../../shared/process.ts';
import { runAttempt, type Engine, type EngineLine } from '../engine.ts';

const mainModule = fileURLToPath(new URL('./main.js', import.meta.url));

/** Share of the whole run by stage, in percent: start and end. Measured on four-minute songs. */
const stages: Record<string, readonly [number, number]> = {
  loading: [0, 35],
  preprocessing: [35, 55],
  generating_timing: [55, 70],
  generating_map: [70, 95],
  postprocessing: [95, 98],
  saving: [98, 100],
};

interface BuiltinLine {
  stage?: string;
  percent?: number;
  warning?: string;
  error?: JobError;
  timing?: { bpm: number; offset_ms: number; confidence: number; onset_lag_ms?: number };
  stars?: { asked: number; got: number };
}

interface Options {
  node: string;
  searchPath: string;
  /** Jobs at a time. */
  concurrency: number;
}

/** The embedded generator, run by this Node as a program of its own. */
export function createBuiltinEngine({ node, searchPath, concurrency }: Options): Engine {
  return {
    name: 'builtin',
    capacity: () => concurrency,
    has: () => Promise.resolve(true),
    onChange: () => undefined, // it never does
    close: () => undefined,
    run(attempt, say, signal) {
      const { request, paths } = attempt;
      const program = {
        command: {
          file: node,
          args: [mainModule, '--request', paths.request, '--audio', paths.audio, '--out', paths.out],
          env: { PATH: searchPath },
        },
        document: {
          audio: request.audio,
          params: { ...request.params, ...(request.reference ? { points: request.reference.timing } : {}) },
        },
        read: readLine,
        explain,
      };
      return runAttempt(attempt, program, say, signal);
    },
  };
}

function explain(lastLines: string[], exit: Exit): JobError {
  return {
    code: 'engine_failed',
    detail: `The generator ended without a map (exit code ${exit.code ?? exit.signal}): ${lastLines.at(-1) ?? 'no output'}`,
  };
}

function readLine(text: string): EngineLine {
  const line = parse(text);
  if (!line) return {};
  const report: Partial<Report> = {};
  if (line.timing) {
    report.bpm = line.timing.bpm;
    report.offset_ms = line.timing.offset_ms;
    report.timing_confidence = line.timing.confidence;
    if (line.timing.onset_lag_ms !== undefined) report.onset_lag_ms = line.timing.onset_lag_ms;
  }
  if (line.stars) report.stars = line.stars;
  const band = line.stage === undefined ? undefined : stages[line.stage];
  return {
    ...(line.stage !== undefined && band
      ? { progress: { stage: line.stage, percent: band[0] + ((band[1] - band[0]) * (line.percent ?? 0)) / 100 } }
      : {}),
    ...(line.warning === undefined ? {} : { warning: line.warning }),
    ...(line.error ? { error: line.error } : {}),
    ...(line.timing || line.stars ? { report } : {}),
  };
}

function parse(text: string): BuiltinLine | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
