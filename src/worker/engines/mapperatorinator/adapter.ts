import { contextsOf } from '../../../shared/model-rules.ts';
import type { Engine } from '../engine.ts';
import { mapperatorinatorCommand, type Host } from './command.ts';
import { explainFailure } from './failure.ts';
import { createMapperatorinatorReader } from './progress.ts';

/** The public Python project, one process a job. */
export function createMapperatorinatorEngine(host: Host): Engine {
  return {
    name: 'mapperatorinator',
    start(request, { audio, out, reference, request: requestPath }) {
      const job = { ...host, request, audioPath: audio, outDir: out, referencePath: reference, requestPath };
      const { requestJson, ...command } = mapperatorinatorCommand(job);
      return { command, document: requestJson };
    },
    reader: ({ params, model, reference }) => {
      const contexts = contextsOf(params, reference !== undefined);
      return createMapperatorinatorReader({ ...params, ...(contexts ? { in_context: contexts } : {}) }, model);
    },
    explain: explainFailure,
  };
}
