import type { Config } from '../shared/config.ts';
import { askPython, setup, type Device } from './check-python.ts';
import { bytes, ok, problem, warning, type Finding } from './finding.ts';

/** The first import of torch on a slow disk takes this long. */
const torchMs = 60_000;
/** A generation takes 2.0 to 2.2 GiB (a public measurement on an RTX 2080 Ti), and the driver a part of its own. */
const wantedBytes = 3 * 2 ** 30;
const install = `${setup} --torch cuda`;

/**
 * What each slot of CUDA_VISIBLE_DEVICES can run on, as the worker would find it: a GPU that is listed must be usable, and without a
 * list the CPU is never taken beside a GPU that torch cannot use. All are asked at once.
 */
export async function checkDevices(config: Config, home: string): Promise<Finding[]> {
  const { slots } = config;
  const distinct = [...new Set<string | null>(slots)];
  const answers = await Promise.all(distinct.map((slot) => askPython<Device>(config, home, 'device', torchMs, slot)));
  const findings = distinct.map((slot, i) => {
    const answer = answers[i] ?? { failed: 'it said nothing' };
    const check = slot === null || slot === '-1' ? 'device' : `GPU ${slot}`;
    if ('failed' in answer) {
      return problem(
        check,
        'device_unavailable',
        `torch could not be asked: ${answer.failed}.`,
        'See the lines on Python and its packages.',
      );
    }
    const runners = slots.filter((one) => one === slot).length;
    return judge(check, slot, runners, answer as Device);
  });
  const audio = answers.flatMap((answer) => ('failed' in answer ? [] : (answer.torchaudio_error ?? [])))[0];
  if (audio !== undefined) {
    findings.push(
      problem(
        'torchaudio',
        'engine_unavailable',
        `It cannot be imported: ${audio}.`,
        `Install the build that belongs to this torch: ${install}, or --torch cpu`,
      ),
    );
  }
  return findings;
}

function judge(check: string, slot: string | null, runners: number, device: Device): Finding {
  const { torch, gpu_build: build, mps, nvidia, devices, error } = device;
  if (torch === null)
    return problem(
      check,
      'engine_unavailable',
      `torch cannot be imported: ${error ?? ''}.`,
      `Install it: ${install}, or --torch cpu`,
    );
  if (slot === '-1') return ok(check, 'CUDA_VISIBLE_DEVICES=-1: the CPU, on purpose.');
  if (devices > 0 && error === null) return usable(check, runners, device);
  if (slot === null && nvidia === null) {
    if (mps) return ok(check, 'The GPU of this Mac (MPS).');
    return warning(
      check,
      'no_gpu',
      `There is no GPU: the model runs on the CPU, which takes many minutes a song.`,
      'Run it on a host with an NVIDIA GPU, or say CUDA_VISIBLE_DEVICES=-1 if that is meant.',
    );
  }
  const driver = nvidia?.driver ? ` (driver ${nvidia.driver})` : '';
  const meaning = slot === null ? 'would silently be left out, so that its jobs end with this code' : 'cannot be used';
  const detail = (why: string) => `The GPU${driver} ${meaning}: ${why}.`;
  const [why, remedy] = reason(slot, device);
  return problem(
    check,
    'device_unavailable',
    detail(why),
    build === null ? `Install the CUDA build: ${install}` : remedy,
  );
}

/** Why torch finds no GPU where one is to be, and what to do. */
function reason(
  slot: string | null,
  { torch, gpu_build: build, nvidia, error }: Device,
): [why: string, remedy: string] {
  if (build === null) return [`this torch (${torch ?? ''}) is a CPU build`, ''];
  if (nvidia === null) {
    return [
      'there is no NVIDIA driver on this host',
      'Install the driver; in Docker run with --gpus all and the NVIDIA Container Toolkit.',
    ];
  }
  if (!nvidia.openable)
    return [
      'this user may not open /dev/nvidia0',
      'Put the user into the group that owns /dev/nvidia* (often video or render).',
    ];
  if (error !== null && /too old/.test(error)) {
    return [
      `the driver is too old for this torch (${build})`,
      `Update the driver, or install a torch for an older CUDA: ${install} --torch-index https://download.pytorch.org/whl/cu126`,
    ];
  }
  if (error !== null && /no kernel image/.test(error)) {
    return [
      `this torch (${build}) has no code for a GPU of this age`,
      `Install a torch for an older CUDA: ${install} --torch-index https://download.pytorch.org/whl/cu126`,
    ];
  }
  if (error !== null && /out of memory/i.test(error))
    return ['other programs have taken its memory', 'See who with nvidia-smi, and end them.'];
  const said = error ?? 'torch finds none';
  return [
    said.replace(/\.$/, ''),
    slot === null
      ? 'See whether nvidia-smi works.'
      : 'nvidia-smi -L lists the GPUs; CUDA_VISIBLE_DEVICES takes their numbers or UUIDs.',
  ];
}

function usable(
  check: string,
  runners: number,
  { name, total_bytes: total, free_bytes: free, nvidia, gpu_build: build }: Device,
): Finding {
  const driver = nvidia?.driver ? `, driver ${nvidia.driver}` : '';
  const shared = runners > 1 ? ` ${runners} slots share it.` : '';
  const detail = `${name ?? 'GPU'}, ${bytes(total ?? 0)} (${bytes(free ?? 0)} free), ${build ?? ''}${driver}.${shared}`;
  if ((free ?? 0) >= wantedBytes * runners) return ok(check, detail);
  return warning(
    check,
    'model_oom',
    `${detail} A model may take ${bytes(wantedBytes)} a slot.`,
    'End what else runs on it, or give it fewer slots.',
  );
}
