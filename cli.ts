import { runCommandLine } from './commands/command-line.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), {
  probe: ['what this device is and what it can run fast', () => import('./commands/probe.ts')],
  inspect: ['operators, shapes, size, what quantises, what stays float and why', () => import('./commands/inspect.ts')],
  quantize: ['make an int8 variant of a model', () => import('./commands/quantize.ts')],
  prune: [
    'make a smaller model of a float one: fewer channels, or weights at zero',
    () => import('./commands/prune.ts'),
  ],
  select: ['build variants, measure each, keep the one the evidence supports', () => import('./commands/select.ts')],
  explain: ['why a selection chose what it chose, in plain words', () => import('./commands/explain.ts')],
  bench: ['measure one model in a fresh process', () => import('./commands/bench.ts')],
  run: ['sensor → windows → decisions, without an agent', () => import('./commands/run.ts')],
  demo: ['broker, repository, agent, sensor replay and live page on this machine', () => import('./commands/demo.ts')],
  agent: ['the daemon', () => import('./commands/agent.ts')],
  models: [
    'the signed repository, and training: init, add, publish, refresh, verify, pull, train',
    () => import('./commands/models.ts'),
  ],
  fleet: ['the operator: ls, show, watch, deploy, request, bench, keys', () => import('./commands/fleet.ts')],
  provision: ['a site: its broker, operators and devices', () => import('./commands/provision.ts')],
  internal: ['the child processes of the above', () => import('./commands/internal.ts')],
});
