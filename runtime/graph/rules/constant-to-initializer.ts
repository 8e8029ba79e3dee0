/**
 * `y = Constant()` ⇒ initializer y, so that a pass looks for constant values in one place only.
 * Only if y is no output of the graph, its value is dense and no string, and the file format has initializers that are
 * no inputs (ir_version 4 and later).
 */
import { constantValue } from '../initializer.ts';
import type { Rule } from '../rewrite.ts';

export const constantToInitializer: Rule = {
  name: 'constantToInitializer',
  opTypes: ['Constant'],
  replace(node, { links, model }) {
    const value = constantValue(node);
    if (value === undefined || links.outputs.has(value.name) || model.irVersion < 4) return undefined;
    return { initializers: [value] };
  },
};
