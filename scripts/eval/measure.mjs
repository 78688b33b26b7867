// One chart → every figure of its mode.
import { measureCatch } from './metrics/catch.mjs';
import { measureCommon } from './metrics/common.mjs';
import { measureMania } from './metrics/mania.mjs';
import { measureStandard } from './metrics/standard.mjs';
import { measureTaiko } from './metrics/taiko.mjs';

const ofMode = [measureStandard, measureTaiko, measureCatch, measureMania];

/** Figures of a chart of `readChart`; see the measurements of each mode for names and units. */
export const measure = (chart) => ({ ...measureCommon(chart), ...ofMode[chart.mode](chart) });
