/** The names of the rewrites for speed, apart from the rewrites: a recipe names them where nothing that runs models may load. */

/** In the order in which they are applied. */
export const speedRewriteNames = [
  'folded',
  'fewer-nodes',
  'fused-attention',
  'sub-pixel',
  'fold-width',
  'conv-2d',
] as const;

export type SpeedRewrite = (typeof speedRewriteNames)[number];
