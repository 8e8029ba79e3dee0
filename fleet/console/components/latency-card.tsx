/** How long decisions take on this device, each as a dot, with the median as a line. */
import { medianOf } from '../figures.ts';
import type { Decision } from '../stream.ts';
import { countInWords, microsecondsInWords } from '../words.ts';
import { Plot } from './plot.tsx';

/** Enough to see a change, few enough to draw on a phone. */
const shown = 400;

/** The plot ends at so many medians: one pause of the machine must not press all other dots to the ground. */
const ceilingInMedians = 4;

const lines = [
  { name: 'latency', color: '--hue-0', dots: true },
  { name: 'p50', color: '--accent', dashed: true },
] as const;

export function LatencyCard({ decisions }: { decisions: readonly Decision[] }) {
  return (
    <section class="card latency-card" aria-label="Latency">
      <h2>
        Latency <span class="aside">window complete → decision, all included</span>
      </h2>
      {decisions.length === 0 ? <p class="empty">No decisions yet.</p> : <Latencies recent={decisions.slice(-shown)} />}
    </section>
  );
}

function Latencies({ recent }: { recent: readonly Decision[] }) {
  const latencies = recent.map(({ latencyUs }) => latencyUs);
  const p50Us = medianOf(latencies) ?? 0;
  const ceilingUs = p50Us * ceilingInMedians;
  const slower = latencies.filter((latencyUs) => latencyUs > ceilingUs).length;
  return (
    <>
      <p class="plot-key">
        <span class="key-dot" aria-hidden="true" /> each decision <span class="key-dash" aria-hidden="true" /> p50{' '}
        <strong>{microsecondsInWords(p50Us)}</strong>
        {slower > 0 ? <span class="aside">{countInWords(slower)} off the scale</span> : null}
      </p>
      <Plot
        times={recent.map(({ tMs }) => tMs / 1000)}
        lines={lines}
        values={[latencies.map((latencyUs) => Math.min(latencyUs, ceilingUs)), recent.map(() => p50Us)]}
        unit="µs"
        summary={`Latency of the last ${recent.length} decisions; the median is ${microsecondsInWords(p50Us)}`}
      />
    </>
  );
}
