/** One model in words: what it takes and gives, its nodes in figures, and what quantising would make of them. */
import pico from 'picocolors';
import type { ModelReport } from '../runtime/quantize/inspect/inspect-model.ts';
import type { NodeFigures } from '../runtime/quantize/inspect/node-figures.ts';
import type { QuantizationPlan } from '../runtime/quantize/plan.ts';
import { bytesText } from '../runtime/select/figures.ts';
import { outcomeLines, tally } from './outcomes.ts';
import { type Column, shortName, tableLines } from './text-table.ts';

export function modelLines(report: ModelReport): string[] {
  const { path, sizeBytes, irVersion, opset, parameters, multiplyAdds, quantizedNodes, plan } = report;
  const nodes = Object.entries(report.operators).flatMap(([opType, count]) =>
    Array.from({ length: count }, () => ({ opType })),
  );
  return [
    `${pico.bold(path)}  ${bytesText(sizeBytes)}, ${countText(parameters)} parameters, ${quantityText(multiplyAdds)} multiply-adds, opset ${opset}, IR ${irVersion}`,
    ...report.inputs.map((value) => `input   ${valueText(value)}`),
    ...report.outputs.map((value) => `output  ${valueText(value)}`),
    `nodes   ${tally(nodes)}`,
    '',
    ...tableLines(report.nodes.filter(hasFigures), columnsFor(report)),
    ...restLine(report.nodes),
    ...(report.nodes.every(({ output }) => output === null)
      ? [pico.dim('The model does not run on made-up inputs; for shapes and multiply-adds add --data DATA')]
      : []),
    ...(plan
      ? planLines(plan)
      : ['', `This model is already quantised: ${quantizedNodes} nodes compute in or convert to integers.`]),
  ];
}

/** What neither holds weights nor multiplies would only make the table long. */
function hasFigures({ parameters, multiplyAdds }: NodeFigures): boolean {
  return parameters > 8 || multiplyAdds !== 0;
}

function columnsFor({ parameters, multiplyAdds }: ModelReport): readonly Column<NodeFigures>[] {
  return [
    { title: 'operator', align: 'left', cell: ({ opType }) => opType },
    { title: 'node', align: 'left', cell: ({ node }) => shortName(node) },
    { title: 'output', align: 'left', cell: ({ output }) => (output ? `[${output.join(', ')}]` : '?') },
    { title: 'parameters', align: 'right', cell: (row) => countText(row.parameters) },
    { title: '', align: 'right', cell: (row) => shareText(row.parameters, parameters) },
    { title: 'size', align: 'right', cell: ({ weightBytes }) => bytesText(weightBytes) },
    { title: 'multiply-adds', align: 'right', cell: (row) => quantityText(row.multiplyAdds) },
    { title: '', align: 'right', cell: (row) => shareText(row.multiplyAdds ?? 0, multiplyAdds ?? 0) },
  ];
}

function restLine(nodes: readonly NodeFigures[]): string[] {
  const rest = nodes.filter((node) => !hasFigures(node));
  return rest.length === 0 ? [] : [pico.dim(`and ${tally(rest)}`)];
}

function planLines(plan: QuantizationPlan): string[] {
  return [
    '',
    pico.bold('Static int8 (octet quantize MODEL --data DATA -o OUT) would run:'),
    ...outcomeLines(plan.static),
    '',
    pico.bold('Dynamic int8 (octet quantize MODEL -o OUT) would run:'),
    ...outcomeLines(plan.dynamic),
  ];
}

function valueText({ name, type, dims }: ModelReport['inputs'][number]): string {
  return `${name}: ${type ?? 'no tensor'} [${dims?.map((size) => size ?? '?').join(', ') ?? '?'}]`;
}

function countText(count: number): string {
  return count.toLocaleString('en-US');
}

function shareText(part: number, whole: number): string {
  return whole === 0 || part === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `1.20 M`; `?` where shapes are unknown. */
export function quantityText(count: number | null): string {
  if (count === null) return '?';
  const [power, unit] = count >= 1e9 ? [1e9, ' G'] : count >= 1e6 ? [1e6, ' M'] : count >= 1e4 ? [1e3, ' k'] : [1, ''];
  return power === 1 ? countText(count) : `${(count / power).toPrecision(3)}${unit}`;
}
