/** Half the length of the filter, in samples of the lower of both rates. */
const halfTaps = 12;
const phases = 256;

/**
 * Mono samples of any rate → `targetRate`, fed in blocks: a windowed-sinc low pass (Blackman) whose value between two of
 * its 256 phases is the nearest one; sample 0 stays at time 0.
 */
export function createResampler(sourceRate: number, targetRate: number) {
  const ratio = sourceRate / targetRate;
  const stretch = Math.max(1, ratio);
  const half = Math.ceil(halfTaps * stretch);
  const kernel = makeKernel(half, stretch);
  const blocks: Float32Array[] = [];
  let pending = new Float32Array(half); // silence before the first sample
  let pendingStart = -half;
  let produced = 0;

  function push(block: Float32Array) {
    const all = new Float32Array(pending.length + block.length);
    all.set(pending);
    all.set(block, pending.length);
    const end = pendingStart + all.length;
    const count = Math.max(0, Math.floor((end - half - 1) / ratio) + 1 - produced);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 1) out[i] = at((produced + i) * ratio, all);
    produced += count;
    if (count > 0) blocks.push(out);
    const keepFrom = Math.max(0, Math.floor(produced * ratio) - half - pendingStart);
    pending = all.slice(keepFrom);
    pendingStart += keepFrom;
  }

  function at(position: number, samples: Float32Array): number {
    const centre = Math.floor(position);
    const phase = Math.round((position - centre) * phases);
    const base = phase * (2 * half + 1);
    const first = centre - half - pendingStart;
    let sum = 0;
    for (let k = 0; k <= 2 * half; k += 1) sum += (samples[first + k] ?? 0) * (kernel[base + k] ?? 0);
    return sum;
  }

  /** All of it, after the last block. */
  function finish(): Float32Array {
    push(new Float32Array(half + 1));
    const total = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let offset = 0;
    for (const block of blocks) {
      total.set(block, offset);
      offset += block.length;
    }
    return total;
  }

  return { push, finish };
}

/** Rows of 2·half + 1 taps, one row for each fractional position. */
function makeKernel(half: number, stretch: number): Float32Array {
  const width = 2 * half + 1;
  const kernel = new Float32Array((phases + 1) * width);
  for (let phase = 0; phase <= phases; phase += 1) {
    let sum = 0;
    for (let k = 0; k < width; k += 1) {
      const x = k - half - phase / phases;
      const u = x / (half + 1);
      const window = Math.abs(u) >= 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * u) + 0.08 * Math.cos(2 * Math.PI * u);
      const angle = (Math.PI * x * 0.92) / stretch;
      const value = window * (x === 0 ? 1 : Math.sin(angle) / angle);
      kernel[phase * width + k] = value;
      sum += value;
    }
    for (let k = 0; k < width; k += 1) kernel[phase * width + k]! /= sum;
  }
  return kernel;
}
