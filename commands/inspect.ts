/** `octet inspect`: what a model is, and what quantising would make of each node, found by trying it. */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import pico from 'picocolors';
import { loadModel } from '../runtime/graph/load.ts';
import { type Graph, type Model, opsetVersion, subgraphsOf, type ValueInfo } from '../runtime/graph/model.ts';
import { elementCount } from '../runtime/graph/tensor.ts';
import { planQuantization, type QuantizationPlan } from '../runtime/quantize/plan.ts';
import { countQuantized, prepareModel } from '../runtime/quantize/prepare/prepare.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { readModelArgument } from './model-argument.ts';
import { outcomeLines, tally } from './outcomes.ts';

export function define(command: Command): void {
  command
    .argument('<model>', 'an ONNX file, or a folder with a manifest')
    .option('--json', 'one JSON document on stdout')
    .action(async (path: string, { json }: { json?: boolean }) => {
      const report = await inspect((await readModelArgument(path)).modelPath);
      process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${textOf(report).join('\n')}\n`);
    });
}

type Report = Awaited<ReturnType<typeof inspect>>;

async function inspect(path: string) {
  const model = await loadModel(path);
  const nodes = allNodes(model.graph);
  const quantizedNodes = countQuantized(model);
  const plan = quantizedNodes > 0 ? null : await planQuantization(await prepareModel(path));
  return {
    path,
    sizeBytes: (await stat(path)).size,
    irVersion: model.irVersion,
    opset: opsetVersion(model) ?? null,
    inputs: model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name)).map(describeValue),
    outputs: model.graph.outputs.map(describeValue),
    parameters: countParameters(model),
    operators: Object.fromEntries([...Map.groupBy(nodes, ({ opType }) => opType)].map(([k, v]) => [k, v.length])),
    quantizedNodes,
    plan,
  };
}

function allNodes(graph: Graph): Graph['nodes'] {
  return graph.nodes.flatMap((node) => [node, ...subgraphsOf(node).flatMap(allNodes)]);
}

/** Elements of all initializers, and of the tensors in `Constant` nodes, bodies included. */
function countParameters({ graph }: Model): number {
  const stored = (part: Graph): number[] => [
    ...[...part.initializers.values()].map(({ dims }) => elementCount(dims)),
    ...part.nodes.flatMap((node) => [
      ...[...node.attributes.values()].map((value) => (value.kind === 'tensor' ? elementCount(value.value.dims) : 0)),
      ...subgraphsOf(node).flatMap(stored),
    ]),
  ];
  return stored(graph).reduce((sum, count) => sum + count, 0);
}

function describeValue({ name, type, dims }: ValueInfo) {
  return { name, type: type ?? null, dims: dims ?? null };
}

function textOf(report: Report): string[] {
  const { path, sizeBytes, irVersion, opset, parameters, quantizedNodes, plan } = report;
  const nodes = Object.entries(report.operators).flatMap(([opType, count]) =>
    Array.from({ length: count }, () => ({ opType })),
  );
  return [
    `${pico.bold(path)}  ${bytesText(sizeBytes)}, ${parameters.toLocaleString('en-US')} parameters, opset ${opset}, IR ${irVersion}`,
    ...report.inputs.map((value) => `input   ${valueText(value)}`),
    ...report.outputs.map((value) => `output  ${valueText(value)}`),
    `nodes   ${tally(nodes)}`,
    ...(plan
      ? planText(plan)
      : ['', `This model is already quantised: ${quantizedNodes} nodes compute in or convert to integers.`]),
  ];
}

function planText(plan: QuantizationPlan): string[] {
  return [
    '',
    pico.bold('Static int8 (octet quantize MODEL --data DATA -o OUT) would run:'),
    ...outcomeLines(plan.static),
    '',
    pico.bold('Dynamic int8 (octet quantize MODEL -o OUT) would run:'),
    ...outcomeLines(plan.dynamic),
  ];
}

function valueText({ name, type, dims }: ReturnType<typeof describeValue>): string {
  return `${name}: ${type ?? 'no tensor'} [${dims?.map((size) => size ?? '?').join(', ') ?? '?'}]`;
}
