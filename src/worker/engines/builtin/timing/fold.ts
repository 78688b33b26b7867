/** A beat grid: beats at phaseMs + n · beatMs, ms, as heard (not yet in osu!'s convention). */
export interface BeatGrid {
  beatMs: number;
  phaseMs: number;
}

export interface Profile {
  /** Mean strength by place in the period, smoothed over about 8 ms; the mean of the song is about its mean. */
  values: Float64Array;
  binMs: number;
}

/** Envelope frames from..to folded at a period: where in the beat the attacks lie. Frame i stands at i · hopMs. */
export function fold(envelope: Float32Array, hopMs: number, periodMs: number, from = 0, to = envelope.length): Profile {
  const bins = Math.max(8, Math.round(periodMs));
  const binMs = periodMs / bins;
  const sums = new Float64Array(bins + 1);
  const step = hopMs / binMs;
  let at = ((from * hopMs) % periodMs) / binMs;
  for (let i = from; i < to; i += 1) {
    const bin = Math.floor(at);
    const value = envelope[i]!;
    const part = at - bin;
    sums[bin]! += value * (1 - part);
    sums[bin + 1]! += value * part;
    at += step;
    if (at >= bins) at -= bins;
  }
  sums[0]! += sums[bins]!;
  const scale = bins / Math.max(1, to - from) / smoothing ** 2;
  return { values: smoothCircle(sums.subarray(0, bins), scale), binMs };
}

/** Half width of the triangle that a profile is smoothed with, in bins of about a ms: two frames of the envelope. */
const smoothing = 5;

function smoothCircle(sums: Float64Array, scale: number): Float64Array {
  const bins = sums.length;
  return Float64Array.from(sums, (_, bin) => {
    let sum = 0;
    for (let k = 1 - smoothing; k < smoothing; k += 1)
      sum += sums[(bin + k + bins) % bins]! * (smoothing - Math.abs(k));
    return sum * scale;
  });
}

/** Place of the top of a peak at `bin`, in bins, by the parabola through its neighbours on the circle. */
export function peakPlace(values: Float64Array, bin: number): number {
  const bins = values.length;
  const [before, peak, after] = [values[(bin - 1 + bins) % bins]!, values[bin]!, values[(bin + 1) % bins]!];
  const bend = before - 2 * peak + after;
  return bin + (bend >= 0 ? 0 : Math.max(-0.5, Math.min(0.5, (0.5 * (before - after)) / bend)));
}

/** Local maxima on the circle, strongest first. */
export function peaksOf(values: Float64Array): { bin: number; value: number }[] {
  const bins = values.length;
  const peaks: { bin: number; value: number }[] = [];
  for (let bin = 0; bin < bins; bin += 1) {
    const value = values[bin]!;
    if (value > values[(bin - 1 + bins) % bins]! && value >= values[(bin + 1) % bins]!) peaks.push({ bin, value });
  }
  return peaks.sort((a, b) => b.value - a.value || a.bin - b.bin);
}

const centreReachMs = 20;
const centreFrom = 0.3;

/**
 * Centre of gravity of a peak, in bins: of what lies within 20 ms of its top and above 0.3 of its height over the mean. On 74 songs of constant tempo
 * it lies nearer to people's beats than the top itself (within 10 ms of the common median on 66 against 64).
 */
export function peakCentre({ values, binMs }: Profile, top: number): number {
  const bins = values.length;
  const at = (bin: number) => values[((bin % bins) + bins) % bins]!;
  const mean = values.reduce((sum, value) => sum + value, 0) / bins;
  const floor = mean + centreFrom * (at(top) - mean);
  const reach = Math.round(centreReachMs / binMs);
  let [sum, weight] = [0, 0];
  for (let bin = top - reach; bin <= top + reach; bin += 1) {
    const over = Math.max(0, at(bin) - floor);
    sum += over * bin;
    weight += over;
  }
  return weight > 0 ? sum / weight : top;
}
