import { fileURLToPath } from 'node:url';
import type { Config } from '../shared/config.ts';
import { runProgram } from '../shared/process.ts';
import { ok, problem, type Finding } from './finding.ts';

export const setup = 'bash scripts/setup-mapperatorinator.sh';
export const repair = `${setup} puts them right`;
const program = fileURLToPath(new URL('../worker/engines/mapperatorinator/probe.py', import.meta.url));

/** What probe.py says of packages; its docstring is the contract. What it did not come to is not there. */
export interface Installed {
  python?: { version: string; executable: string };
  packages?: Record<string, string | null>;
  slider_is_fork?: boolean | null;
  runner?: string[] | null;
}

/** What probe.py says of the device that it was given. */
export interface Device {
  torch: string | null;
  /** `CUDA 12.8` or `ROCm 6.4`; null for a build for the CPU (or a Mac's GPU). */
  gpu_build: string | null;
  mps: boolean;
  nvidia: { driver: string | null; openable: boolean } | null;
  devices: number;
  name: string | null;
  total_bytes: number | null;
  free_bytes: number | null;
  error: string | null;
  torchaudio_error: string | null;
}

/** Why there is no answer, in the end of a sentence; what it printed last. */
export interface Silence {
  failed: string;
}

/**
 * Asks the Python of the configuration, in the checkout and with the environment that a job would have. `slot` goes into
 * CUDA_VISIBLE_DEVICES; null leaves it out. Never throws; takes at most `longestMs`, and 5 s more when it has to be killed.
 */
export async function askPython<T>(
  { python, searchPath, huggingFaceHome }: Config,
  home: string | null,
  what: 'packages' | 'device',
  longestMs: number,
  slot: string | null = null,
): Promise<Partial<T> | Silence> {
  const env = {
    PATH: searchPath,
    HF_HUB_OFFLINE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    ...(huggingFaceHome === null ? {} : { HF_HOME: huggingFaceHome }),
    ...(slot === null ? {} : { CUDA_VISIBLE_DEVICES: slot }),
  };
  const answer: Partial<T> = {};
  let lastLine = '';
  const listen = (line: string) => {
    lastLine = line;
    if (line.startsWith('{')) Object.assign(answer, JSON.parse(line));
  };
  const command = { file: python, args: [program, what], env, ...(home === null ? {} : { cwd: home }) };
  const late = AbortSignal.timeout(longestMs);
  try {
    const exit = await runProgram(command, listen, late);
    if (Object.keys(answer).length > 0 && !late.aborted) return answer;
    if (late.aborted) return { ...answer, failed: `it took longer than ${longestMs / 1000} s` };
    return { failed: lastLine || `it ended with code ${exit.code ?? exit.signal}` };
  } catch (error) {
    return { failed: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such program' : String(error) };
  }
}

interface Need {
  name: string;
  /** From here on, and below there. Null: any version. */
  from: string | null;
  below: string | null;
  /** What is lost without it, in the end of a sentence; null: nothing works without it. */
  without: string | null;
}

const need = (name: string, from: string | null = null, below: string | null = null): Need => ({
  name,
  from,
  below,
  without: null,
});
const wish = (name: string, without: string): Need => ({ name, from: null, below: null, without });

/** What inference imports at the tested commit, and the ranges that it was seen to work in. */
export const needs: readonly Need[] = [
  need('torch', '2.6'),
  need('torchaudio', '2.6'),
  need('nnAudio', '0.3.4'),
  need('transformers', '4.57.3', '5'),
  need('huggingface-hub', '0.34', '1'),
  need('tokenizers', '0.22', '0.23.1'),
  need('accelerate', '1.12', '2'),
  need('hydra-core', '1.3', '1.4'),
  need('omegaconf', '2.3', '2.4'),
  need('numpy', '1.26', '3'),
  need('scipy'),
  need('pandas', '2', '3'),
  need('einops'),
  need('safetensors'),
  need('packaging'),
  need('psutil'),
  need('tqdm'),
  need('pydub'),
  need('wandb'),
  need('datasets'),
  need('slider'),
  wish('peft', 'no LoRA can be used'),
  wish('rosu-pp-py', 'the stars of a reference map are not known'),
  wish('flash-attn', 'attention is PyTorch’s own, which is a little slower'),
];

/** The interpreter, and its packages where it could say which it has. */
export function checkPython(python: string, answer: Partial<Installed> | Silence): Finding[] {
  const answered = 'failed' in answer ? null : answer;
  const found = (answer as Partial<Installed>).python;
  if (!found) {
    const why = 'failed' in answer ? answer.failed : 'it said nothing';
    const remedy = `Set PYTHON to the one that has the packages (venv/bin/python), or make one: ${setup}`;
    return [problem('Python', 'engine_unavailable', `PYTHON=${python} cannot be run: ${why}.`, remedy)];
  }
  const { version, executable } = found;
  if (!isWithin(version, '3.10', null)) {
    const detail = `${version} at ${executable} is older than Mapperatorinator needs (3.10).`;
    return [problem('Python', 'engine_unavailable', detail, `Install a newer one, then ${setup}`)];
  }
  return [
    ok('Python', `${version} at ${executable}.`),
    ...(answered?.packages ? checkPackages(version, answered) : []),
  ];
}

function checkPackages(python: string, { packages = {}, slider_is_fork: isFork }: Partial<Installed>): Finding[] {
  const required = [...needs, ...(isWithin(python, '3.13', null) ? [need('audioop-lts')] : [])];
  const wrong = required
    .filter(({ without }) => without === null)
    .flatMap((one) => packageProblem(one, packages) ?? []);
  if (packages['slider'] && isFork === false) {
    wrong.push('slider is not the fork that the program needs (branch gedagedigedagedaoh of OliBomby/slider)');
  }
  const missing = required.filter(({ name, without }) => without !== null && !packages[name]);
  const lost = missing.map(({ name, without }) => `without ${name} ${without ?? ''}`).join('; ');
  const optional = lost === '' ? '' : ` Optional: ${lost}.`;
  if (wrong.length === 0) {
    const { torch = '', transformers = '' } = packages;
    return [
      ok(
        'packages',
        `All that the program imports; torch ${torch ?? ''}, transformers ${transformers ?? ''}.${optional}`,
      ),
    ];
  }
  return [problem('packages', 'engine_unavailable', `${wrong.join('; ')}.`, `${repair}.`)];
}

function packageProblem({ name, from, below }: Need, packages: Record<string, string | null>): string | null {
  const version = packages[name];
  if (!version) return `${name} is missing`;
  if (version === 'stub' || isWithin(version, from, below)) return null;
  const wanted = [...(from ? [`${from} or newer`] : []), ...(below ? [`below ${below}`] : [])].join(', ');
  return `${name} is ${version} and must be ${wanted}`;
}

/** Numbers only: what follows a plus or a letter (2.13.0+cpu, 2.11.0a0) says nothing of the order. */
export function isWithin(version: string, from: string | null, below: string | null): boolean {
  const numbers = /^[\d.]+/.exec(version)?.[0] ?? '';
  const compare = (other: string) => numbers.localeCompare(other, 'en', { numeric: true });
  return (from === null || compare(from) >= 0) && (below === null || compare(below) < 0);
}
