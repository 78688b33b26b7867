import type { JobError } from '../../../shared/jobs.ts';
import type { Exit } from '../../../shared/process.ts';

/** What the program's exceptions mean, most telling first. The texts are those of the public project and its libraries. */
const causes: readonly (readonly [pattern: RegExp, code: string, detail: string])[] = [
  [/No timing points found in beatmap/, 'no_beat_found', 'The model heard no beat in the song.'],
  [
    /^IndexError: too many indices for array: array is 1-dim/,
    'no_beat_found',
    'Super timing heard no beat in the song.',
  ],
  [
    /OutOfMemoryError|out of memory|^MemoryError|DefaultCPUAllocator/i,
    'model_oom',
    'The model does not fit into the memory.',
  ],
  [/No space left on device/, 'storage_full', 'The disk of the worker is full.'],
  [/'ff(mpeg|probe)'/, 'engine_unavailable', 'ffmpeg and ffprobe are not on the PATH of the worker.'],
  [
    /^(ModuleNotFoundError|ImportError)\b|is required, but .+ is installed|Missing dependency/,
    'engine_unavailable',
    'The Python installation of Mapperatorinator is not complete.',
  ],
  [
    /^DeviceUnavailable|AcceleratorError|CUDA error|No CUDA GPUs|NVIDIA driver|cuDNN error/i,
    'device_unavailable',
    'The GPU cannot be used.',
  ],
  [/CouldntDecode|InvalidDataError|Invalid data found|^EOFError/, 'invalid_audio', 'The song cannot be decoded.'],
  [/^(ValueError|FileNotFoundError): .*[Aa]udio file/, 'invalid_audio', 'The song cannot be read.'],
  [
    /huggingface\.co|LocalEntryNotFound|OfflineMode|not a valid model identifier|HFValidationError|Model path is empty|does not appear to have a file named|^LookupError: Unknown model|SafetensorError/,
    'model_missing',
    'The model is not installed on the worker.',
  ],
  [
    /<loras>|adapter_config\.json|PeftModule|^ValueError: Target modules /,
    'lora_unusable',
    'The LoRA is none, or is of another model.',
  ],
  [
    /is not within range .+ for event type|has no parameter|No viable template|No requested output contexts/,
    'invalid_parameter',
    'The model does not take this value.',
  ],
];

/** The exit code of setpriv, as of a shell, for a program that is not there; 126: one that cannot be executed. */
export const cannotStart = 127;

/** Why a run failed, from its last lines and how it ended. `code` is the contract; the words may change. */
export function explainFailure(lastLines: string[], exit: Exit): JobError {
  const cause = findCause(lastLines);
  if (cause !== undefined) {
    const [, code, detail] = causes.find(([pattern]) => pattern.test(cause)) ?? [];
    if (code !== undefined) return { code, detail: `${detail} (${cause})` };
  }
  if (exit.code === cannotStart || exit.code === 126) {
    return { code: 'engine_unavailable', detail: 'The Python that PYTHON names cannot be started in the checkout.' };
  }
  if (exit.signal === 'SIGKILL' || exit.code === 137) {
    return { code: 'model_oom', detail: 'The system ended the program, most likely for want of memory.' };
  }
  const how = exit.signal ? `by ${exit.signal}` : `with code ${exit.code}`;
  return {
    code: 'engine_failed',
    detail: `The program ended ${how}: ${cause ?? lastLines.at(-1)?.trim() ?? 'no output'}`,
  };
}

/** The exception: as run.py names it, else the last line that looks like one. Echoed overrides never do. */
function findCause(lines: string[]): string | undefined {
  const failed = lines.findLast((line) => line.startsWith('Failed: '));
  if (failed !== undefined) return failed.slice('Failed: '.length).trim();
  return lines.findLast((line) => /^[A-Za-z_][\w.]*(Error|Exception|Exit|NotFound)(: |$)/.test(line))?.trim();
}
