import type { Engine } from '../engine.ts';
import { mapperatorinatorCommand, type Host } from './command.ts';
import { explainFailure } from './failure.ts';
import { createMapperatorinatorReader } from './progress.ts';

/** The public Python project, one process a job. */
export function createMapperatorinatorEngine(host: Host): Engine {
  return {
    name: 'mapperatorinator',
    start(request, { audio, out, request: requestPath }) {
      const job = { ...host, request, audioPath: audio, outDir: out, requestPath };
      const { requestJson, ...command } = mapperatorinatorCommand(job);
      return { command, document: requestJson };
    },
    reader: (request) => createMapperatorinatorReader(request.params, request.model),
    explain: explainFailure,
  };
}
