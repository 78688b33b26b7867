import type { Engine } from '../engine.ts';
import { mapperatorinatorCommand } from './command.ts';
import { explainFailure } from './failure.ts';
import { createMapperatorinatorReader } from './progress.ts';

interface Host {
  /** The checkout of the public project. */
  home: string;
  python: string;
  searchPath: string;
  cudaVisibleDevices: string | null;
}

/** The public Python project, one process a job. */
export function createMapperatorinatorEngine({ home, python, searchPath, cudaVisibleDevices }: Host): Engine {
  return {
    name: 'mapperatorinator',
    start(request, paths) {
      const { requestJson, ...command } = mapperatorinatorCommand({
        request,
        audioPath: paths.audio,
        outDir: paths.out,
        requestPath: paths.request,
        home,
        python,
        searchPath,
        cudaVisibleDevices,
      });
      return { command, document: requestJson };
    },
    reader: (request) => createMapperatorinatorReader(request.params, request.model),
    explain: explainFailure,
  };
}
