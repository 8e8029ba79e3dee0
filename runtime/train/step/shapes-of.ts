/**
 * Shapes of all values on one batch, from running the model. Only shapes leave the session, not the values: of a batch those
 * would be all of its activations at once.
 */
import { openModel } from '../../engine/open-model.ts';
import { node as makeNode, valueInfo } from '../../graph/build.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds } from '../../graph/tensor.ts';

/** @returns also of the inputs. Opens a session. @throws what running throws. */
export async function shapesOf(model: Model, feeds: Feeds): Promise<ReadonlyMap<string, readonly number[]>> {
  const { graph } = model;
  const computed = graph.nodes.flatMap(({ outputs }) => outputs).filter(Boolean);
  const name = (index: number) => `shape/${index}`;
  const nodes = computed.map((value, index) => makeNode('Shape', [value], [name(index)]));
  const outputs = computed.map((_, index) => valueInfo(name(index), 'int64'));
  const asking = { ...model, graph: { ...graph, nodes: [...graph.nodes, ...nodes], outputs } };
  const config = { 'session.disable_quant_qdq': '1' };
  const session = await openModel(asking, { level: 'disabled', arena: false, memoryPattern: false, config });
  try {
    const results = await session.run(feeds);
    const inner = computed.map((value, index) => [value, Array.from(results[name(index)]!.data, Number)] as const);
    const outer = Object.entries(feeds).map(([value, { dims }]) => [value, dims] as const);
    return new Map<string, readonly number[]>([...outer, ...inner]);
  } finally {
    await session.close();
  }
}
