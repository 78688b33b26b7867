import { SingleBar } from 'cli-progress';

export interface ProgressDisplay {
  /** Percent, 0 to 100. */
  update(progress: number, stage: string): void;
  stop(): void;
}

/** A bar on a terminal; elsewhere (a file, a build log) one line for each new stage. */
export function showProgress(out: NodeJS.WriteStream): ProgressDisplay {
  return out.isTTY ? drawBar(out) : writeLines(out);
}

function drawBar(stream: NodeJS.WriteStream): ProgressDisplay {
  const format = '{bar} {percentage} % | {stage}';
  const bar = new SingleBar({ format, stream, hideCursor: true, barCompleteChar: '█', barIncompleteChar: '░' });
  bar.start(100, 0, { stage: 'queued' });
  return {
    update: (progress, stage) => bar.update(Math.floor(progress), { stage }),
    stop: () => bar.stop(),
  };
}

function writeLines(out: NodeJS.WriteStream): ProgressDisplay {
  let shown = '';
  return {
    update: (progress, stage) => {
      if (stage !== shown) out.write(`${Math.floor(progress)} % ${stage}\n`);
      shown = stage;
    },
    stop: () => undefined,
  };
}
