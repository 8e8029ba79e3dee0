/** What quantising would do to a model, without data: made-up ranges, the real transform, the real verifier. */
import type { Model } from '../graph/model.ts';
import type { NodeOutcome } from './messages.ts';
import { applyRecipe } from './quantize.ts';
import { dynamicSchema, staticSchema } from './recipe.ts';
import { tensorsFor } from './static.ts';

export type QuantizationPlan = {
  readonly static: readonly NodeOutcome[];
  readonly dynamic: readonly NodeOutcome[];
};

/** What fuses depends on the pattern and on whether ranges start at zero, not on how wide they are. */
const anyRange = { min: -1, max: 1 };

/** @param model prepared (see prepare.ts). Opens sessions. @throws what ONNX Runtime throws. */
export async function planQuantization(model: Model): Promise<QuantizationPlan> {
  const recipe = staticSchema.parse({ kind: 'static' });
  const ranges = new Map([...tensorsFor(model, recipe).keys()].map((name) => [name, anyRange]));
  return {
    static: (await applyRecipe(model, recipe, new Map([[recipe.observer, ranges]]))).outcomes,
    dynamic: (await applyRecipe(model, dynamicSchema.parse({ kind: 'dynamic' }), new Map())).outcomes,
  };
}
