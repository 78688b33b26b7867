import { generatedContexts, type StepParams } from '../../../shared/model-rules.ts';
import { modelFacts } from '../../../shared/models.ts';
import type { Params } from '../../../shared/request.ts';

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

const titles = {
  TIMING: ['timing', 'generating_timing', weights.timing],
  KIAI: ['kiai', 'generating_kiai', weights.kiai],
  MAP: ['map', 'generating_map', weights.map],
  SV: ['sv', 'generating_map', weights.sv],
} as const;

/** What the stages depend on; `in_context` is what the program is given. */
export type PlanParams = Partial<StepParams & Pick<Params, 'generate_positions' | 'parallel'>>;

/**
 * The stages that a request goes through, each with a bar from 0 to 100 % of its own: what the program writes
 * (`generatedContexts`), then positions by diffusion in osu! and catch where they are switched on.
 */
export function stagePlan(params: PlanParams, model: string): Stage[] {
  const facts = modelFacts(model);
  const { gamemode = 0, output_type: asked = facts.output_type ?? ['MAP'] } = params;
  const superTiming = params.super_timing ?? facts.super_timing ?? false;
  const written = generatedContexts(model, { ...params, gamemode }) ?? [];
  const steps = written.flatMap((name): [title: string, word: string, weight: number][] => {
    if (!Object.hasOwn(titles, name)) return [];
    const [title, word, weight] = titles[name as keyof typeof titles];
    return [[title, word, name === 'TIMING' && superTiming ? weights.superTiming : weight]];
  });
  const moves = gamemode === 0 || gamemode === 2;
  if (moves && asked.includes('MAP') && (params.generate_positions ?? facts.generate_positions ?? false)) {
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
