import { modelFacts } from '../../../shared/models.ts';

/** One stage of a run: the title the program prints for it, the seed's word for it, its part of the way in percent. */
export interface Stage {
  title: string;
  word: string;
  from: number;
  to: number;
}

/** Where loading ends and where post-processing begins, in percent of the whole run. */
export const loaded = 6;
export const generated = 96;

/**
 * Relative lengths. Timing to map is 26 s to 106 s in the public log of OliBomby/Mapperatorinator#111 (55 windows); super
 * timing, kiai, sv and positions are estimates from the number of passes and tokens.
 */
const weights = { timing: 1, superTiming: 4, kiai: 0.5, map: 4, sv: 1, positions: 2 };

/**
 * The stages that a request goes through, each with a bar from 0 to 100 % of its own. The rules are those of the
 * program's `generate()`: timing first unless the model writes it into the map (v30), kiai where it is an output, sv in
 * mania only, positions by diffusion with v28 and v29 in osu! and catch.
 */
export function stagePlan(params: Record<string, unknown>, model: string): Stage[] {
  const outputs = modelFacts(model).output_type ?? ['TIMING', 'MAP', 'SV'];
  const mode = params['gamemode'] ?? 0;
  const superTiming = params['super_timing'] ?? ['v28', 'v29'].includes(model);
  const steps: [title: string, word: string, weight: number][] = [];
  if (superTiming) steps.push(['timing', 'generating_timing', weights.superTiming]);
  else if (outputs.includes('TIMING')) steps.push(['timing', 'generating_timing', weights.timing]);
  if (outputs.includes('KIAI')) steps.push(['kiai', 'generating_kiai', weights.kiai]);
  steps.push(['map', 'generating_map', weights.map]);
  if (outputs.includes('SV') && mode === 3) steps.push(['sv', 'generating_map', weights.sv]);
  if (['v28', 'v29'].includes(model) && (mode === 0 || mode === 2)) {
    steps.push(['positions', 'refining_positions', weights.positions]);
  }
  const total = steps.reduce((sum, [, , weight]) => sum + weight, 0);
  let from = loaded;
  return steps.map(([title, word, weight]) => {
    const to = from + ((generated - loaded) * weight) / total;
    const stage = { title, word, from, to };
    from = to;
    return stage;
  });
}
