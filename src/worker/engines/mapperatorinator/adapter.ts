import { dirname } from 'node:path';
import type { Log } from '../../../shared/log.ts';
import type { JobRequest } from '../../../shared/request.ts';
import { hasModel } from '../../../shared/weights.ts';
import { contextsOf } from '../../../shared/model-rules.ts';
import { endProcesses } from '../../orphans.ts';
import { runAttempt, type Engine } from '../engine.ts';
import { coldCommand, runnerCommand, programDocument, type Host } from './command.ts';
import { explainFailure } from './failure.ts';
import { createPool, usualWear } from './pool.ts';
import { createMapperatorinatorReader, createRunnerReader } from './progress.ts';

interface Options {
  host: Host;
  /** One entry per slot: a value of CUDA_VISIBLE_DEVICES, or null for what the program chooses. */
  slots: (string | null)[];
  /** Loaded before the first job asks for it. */
  preload: string | null;
  log: Log;
}

export type MapperatorinatorEngine = ReturnType<typeof createMapperatorinatorEngine>;

/** The public Python project, kept warm: one long-lived process per slot, or one per job where its version cannot be kept. */
export function createMapperatorinatorEngine({ host, slots, preload, log }: Options) {
  const listeners: (() => void)[] = [];
  const pool = createPool({
    gpus: slots,
    launch: (gpu, model) => runnerCommand(host, gpu, model),
    model: preload,
    wear: usualWear,
    onChange: () => listeners.forEach((listener) => listener()),
    log,
  });
  const engine: Engine = {
    name: 'mapperatorinator',
    capacity: pool.capacity,
    has: (model) => hasModel(host.home, host.huggingFaceHome, model),
    onChange: (listener) => void listeners.push(listener),
    close: pool.close,
    async run(attempt, say, signal) {
      const { name, request, paths } = attempt;
      let document: ReturnType<typeof programDocument>;
      try {
        document = programDocument(host, request, paths);
      } catch (error) {
        return { code: 'lora_unusable', detail: error instanceof Error ? error.message : String(error) };
      }
      const contexts = contextsOf(request.params, request.reference !== undefined);
      const planned = { ...request.params, ...(contexts ? { in_context: contexts } : {}) };
      const read = createRunnerReader(planned, request.model);
      const runCold = (gpu: string | null) => {
        const program = {
          command: coldCommand(host, gpu, paths.request),
          document,
          read: createMapperatorinatorReader(planned, request.model),
          explain: explainFailure,
        };
        return runAttempt(attempt, program, say, signal);
      };
      const job = { run: name, folder: dirname(paths.request), ...document };
      const error = await pool.run({ job, onEvent: (event) => say(read(event)), runCold }, signal);
      await endProcesses((working) => working === name); // what the runner has started for it and left
      return error?.code === 'model_missing' ? { ...error, ...whatIsMissing(request.params) } : error;
    },
  };
  return { ...engine, devices: pool.report };
}

/** The weights of the model itself were looked at before; then it is what the request asks for besides. */
function whatIsMissing({ lora_path: lora, generate_positions: positions }: JobRequest['params']) {
  if (lora !== undefined) return { code: 'lora_unusable', detail: `The weights of the LoRA ${lora} cannot be loaded.` };
  if (!positions) return {};
  return { detail: 'The worker has no OliBomby/osu-diffusion-v2, with which generate_positions places the objects.' };
}
