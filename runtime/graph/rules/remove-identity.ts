/**
 * `y = Identity(x)`, users of y ⇒ users of x.
 * Only if y is no output of the graph: an output keeps the name its users know.
 */
import type { Rule } from '../rewrite.ts';

export const removeIdentity: Rule = {
  name: 'removeIdentity',
  opTypes: ['Identity'],
  replace({ inputs: [x], outputs: [y] }, { links }) {
    if (x === undefined || y === undefined || links.outputs.has(y)) return undefined;
    return { substitute: [[y, x]] };
  },
};
