/** The first layer where a quantised model goes wrong, and what to do about it: decided from the table of errors alone. */
import type { LayerError } from './compare-models.ts';

export type Finding = {
  /** Null when no layer stands out. */
  readonly layer: Pick<LayerError, 'node' | 'opType' | 'tensor'> | null;
  /** Decibel that this layer loses of what its inputs had. */
  readonly lostDb: number;
  readonly sentence: string;
};

/** Below this an error is not worth a sentence: rounding to 8 bits alone costs a few decibel from layer to layer. */
const leastLossDb = 6;
/** Above this a tensor is fine: its error is a thirtieth of its size. */
const goodSqnrDb = 30;
/** Rounding of float32 itself, where only the order of additions changed. */
const equalDb = 100;
/** One value in a thousand cut off. */
const muchSaturation = 0.001;
const poorWeightsDb = 30;

/** What the layers, each looked at with exact sums, do not show. */
export type AsItRuns = {
  /** Of the worst output. */
  readonly outputSqnrDb: number;
  /** Whether this processor's kernels saturate with weights in 8 bits. */
  readonly saturates: boolean;
};

/** The layer with the largest drop of SQNR below the worst of what it reads. */
export function findFirstFault(layers: readonly LayerError[], run?: AsItRuns): Finding {
  const [worst] = layers.toSorted((a, b) => lossOf(b) - lossOf(a));
  const last = layers.at(-1);
  if (!worst || !last) return { layer: null, lostDb: 0, sentence: 'No layer was compared.' };
  if (layers.every(({ sqnrDb }) => sqnrDb > equalDb))
    return { layer: null, lostDb: 0, sentence: 'Nothing is lost: every layer equals the float model.' };
  const lostRunningDb = run?.saturates ? last.sqnrDb - run.outputSqnrDb : 0;
  if (run && lostRunningDb > leastLossDb) {
    const sentence = `The layers are right (${last.sqnrDb.toFixed(1)} dB at the end), but as it really runs the output has ${run.outputSqnrDb.toFixed(1)} dB: sums saturate on this processor; quantise with --reduce-range, or --weight uint8.`;
    return { layer: null, lostDb: lostRunningDb, sentence };
  }
  const lostDb = lossOf(worst);
  if (lostDb < leastLossDb || worst.sqnrDb > goodSqnrDb) {
    const sentence = `No layer stands out: the error grows evenly, to ${last.sqnrDb.toFixed(1)} dB at the end.`;
    return { layer: null, lostDb, sentence };
  }
  const { node, opType, tensor } = worst;
  const from = `${worst.inputSqnrDb.toFixed(1)} to ${worst.sqnrDb.toFixed(1)} dB`;
  const where = node ? `${opType} "${node}"` : `input "${tensor}"`;
  return {
    layer: { node, opType, tensor },
    lostDb,
    sentence: `It goes wrong at ${where}: from ${from}; ${adviceFor(worst)}.`,
  };
}

function lossOf({ inputSqnrDb, sqnrDb }: LayerError): number {
  return inputSqnrDb - sqnrDb;
}

type Advice = readonly [applies: (layer: LayerError) => boolean, text: (layer: LayerError) => string];

/** The first that applies. */
const advices: readonly Advice[] = [
  [
    ({ saturation }) => (saturation ?? 0) > muchSaturation,
    ({ saturation }) =>
      `${percent(saturation!)} of its values are cut off, so calibrate with more data or a wider range (--observer min-max)`,
  ],
  [
    ({ weights }) => weights !== null && weights.sqnrDb < poorWeightsDb && !weights.perChannel,
    ({ weights }) =>
      `its weights have ${weights!.sqnrDb.toFixed(1)} dB with one scale, so give each channel its own (leave --no-per-channel out)`,
  ],
  [
    ({ range, histogram, node }) => node !== '' && range !== null && isWide(range, histogram),
    ({ node }) => `a few outliers widen its range, so try --observer mse, or keep it float with ${exclusion(node)}`,
  ],
  [({ node }) => node !== '', ({ node }) => `keep it float with ${exclusion(node)}, or try --observer mse`],
  [() => true, () => 'try --observer mse'],
];

function adviceFor(layer: LayerError): string {
  return advices.find(([applies]) => applies(layer))![1](layer);
}

/** Whether 99.9 % of the values lie in less than half of the range. */
function isWide(range: NonNullable<LayerError['range']>, histogram: LayerError['histogram']): boolean {
  if (!histogram || histogram.counts.length === 0) return false;
  const { counts, limit } = histogram;
  const total = counts.reduce((all, count) => all + count, 0);
  const width = (2 * limit) / counts.length;
  const [low, high] = [range.min / 2, range.max / 2];
  const inside = counts.reduce((all, count, i) => {
    const centre = (i + 0.5) * width - limit;
    return centre >= low && centre <= high ? all + count : all;
  }, 0);
  return inside / total > 0.999;
}

function exclusion(node: string): string {
  return `--exclude '${node}'`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}
