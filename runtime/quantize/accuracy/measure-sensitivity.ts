/** Measures each unit's share of the damage by building the model with all units in int8 but one, or one alone. */
import type { Samples } from '../../data/samples.ts';
import { openSession, type Session } from '../../engine/session.ts';
import type { Model } from '../../graph/model.ts';
import { encodeModel } from '../../graph/save.ts';
import type { Feeds, Tensor } from '../../graph/tensor.ts';
import type { Observation } from '../observe.ts';
import { chooseUnits } from '../place/units.ts';
import { applyRecipe } from '../quantize.ts';
import type { StaticRecipe } from '../recipe.ts';
import { type OutputError, outputErrorMeter } from './output-error.ts';
import type { Sensitivity, SensitivityMode, UnitSensitivity } from './sensitivity.ts';

export type SensitivityOptions = {
  /** Default `only-float`. */
  readonly mode?: SensitivityMode;
  /** Called before each unit. */
  readonly onUnit?: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
};

/**
 * Only units that compute with weights are asked: what follows them returns to float with them.
 * @param model prepared; @param observation from `observeFor` with this recipe; @param samples a few dozen suffice.
 * Opens two sessions for each unit: leave it to a process that ends.
 */
export async function measureSensitivity(
  model: Model,
  recipe: StaticRecipe,
  observation: Observation,
  samples: Samples,
  { mode = 'only-float', onUnit, signal }: SensitivityOptions = {},
): Promise<Sensitivity> {
  const exact = await openSession(encodeModel(model));
  const errorWithout = async (excluded: readonly string[]): Promise<OutputError> => {
    signal?.throwIfAborted();
    const built = await applyRecipe(model, { ...recipe, exclude: [...recipe.exclude, ...excluded] }, observation);
    if (!built.ok) return outputErrorMeter().error();
    const quantized = await openSession(built.bytes);
    try {
      return await compareOutputs(exact, quantized, samples);
    } finally {
      await quantized.close();
    }
  };
  try {
    const nodes = chooseUnits(model.graph, recipe, new Map())
      .units.filter(({ rule }) => rule.role === 'compute')
      .map(({ node }) => node);
    const whole = await errorWithout([]);
    const units: UnitSensitivity[] = [];
    for (const [index, { name, opType }] of nodes.entries()) {
      onUnit?.(index, nodes.length);
      const others = nodes.map((node) => node.name).filter((other) => other !== name);
      units.push({ node: name, opType, error: await errorWithout(mode === 'only-float' ? [name] : others) });
    }
    return { mode, whole, units };
  } finally {
    await exact.close();
  }
}

/** Over all samples and all outputs of floating-point type, one after the other as one vector. */
export async function compareOutputs(exact: Session, quantized: Session, samples: Samples): Promise<OutputError> {
  const meter = outputErrorMeter();
  for (let index = 0; index < samples.count; index++) {
    const feeds = await samples.feeds(index);
    meter.add(await outputsOf(exact, feeds), await outputsOf(quantized, feeds));
  }
  return meter.error();
}

async function outputsOf(session: Session, feeds: Feeds): Promise<Float32Array> {
  const results = await session.run(feeds);
  const values = session.outputs
    .filter(({ type }) => type === 'float32')
    .map(({ name }) => (results[name] as Tensor<'float32'>).data);
  return values.length === 1 ? values[0]! : Float32Array.from(values.flatMap((each) => [...each]));
}
