/** What the agent counts and measures, as metrics. */
import type { HealthMonitor, HealthMonitorOptions } from './health-monitor.ts';
import type { Metric } from './metrics.ts';

export function agentMetrics(
  health: HealthMonitor,
  { ports, isConnected, outbox, slots }: Pick<HealthMonitorOptions, 'ports' | 'isConnected' | 'outbox' | 'slots'>,
): Metric[] {
  const { waiting, bytes } = outbox();
  const { reading, shown } = health;
  return [
    { ...gauge('info', 'The agent.', 1), samples: [{ labels: { version: ports.version }, value: 1 }] },
    gauge('connected', 'Whether the broker is connected.', isConnected() ? 1 : 0),
    gauge('outbox_messages', 'Messages that wait for the broker.', waiting),
    gauge('outbox_bytes', 'Bytes of them.', bytes),
    gauge('temperature_celsius', "The processor's temperature.", reading?.temperatureC),
    gauge('memory_available_bytes', 'Memory that programs may still take.', reading?.memoryAvailableBytes),
    gauge('agent_pss_bytes', "The agent's memory, with its share of shared pages.", reading?.pssBytes('self')),
    {
      ...gauge('warning', 'What is wrong.', null),
      samples: shown.map(({ code, severity }) => ({ labels: { code, severity }, value: 1 })),
    },
    ...slotMetrics(health, slots()),
  ];
}

function slotMetrics(health: HealthMonitor, slots: ReturnType<HealthMonitorOptions['slots']>): Metric[] {
  return [
    {
      ...{
        name: 'octet_decision_latency_seconds',
        help: 'From the complete window to the decision.',
        type: 'histogram',
      },
      samples: slots.flatMap(({ slot }) => health.countsOf(slot).latency.samples({ slot })),
    },
    {
      ...{ name: 'octet_runner_crashes_total', help: 'Ends of runners that nobody asked for.', type: 'counter' },
      samples: slots.map(({ slot }) => ({ labels: { slot }, value: health.countsOf(slot).crashes })),
    },
    {
      ...gauge('deployment_state', 'The state of the deployment: 1 for the one it is in.', null),
      samples: slots.map(({ slot, state }) => ({ labels: { slot, state: state.phase }, value: 1 })),
    },
    {
      ...gauge('active_model', 'What runs.', null),
      samples: slots.flatMap(({ slot, state: { active } }) => {
        if (active === null) return [];
        const { model, variant } = active;
        return [{ labels: { slot, model: model.name, version: model.version, variant }, value: 1 }];
      }),
    },
  ];
}

function gauge(name: string, help: string, value: number | null | undefined): Metric {
  const samples = value === null || value === undefined ? [] : [{ value }];
  return { name: `octet_${name}`, help, type: 'gauge', samples };
}
