/** How long decisions take on this device, each as a dot, with the median as a line. */
import type { Decision } from '../stream.ts';
import { microsecondsInWords } from '../words.ts';
import { Plot } from './plot.tsx';

/** Enough to see a change, few enough to draw on a phone. */
const shown = 400;

const lines = [
  { name: 'latency', color: '--hue-0', dots: true },
  { name: 'p50', color: '--accent', dashed: true },
] as const;

export function LatencyCard({ decisions, p50Us }: { decisions: readonly Decision[]; p50Us: number | undefined }) {
  const recent = decisions.slice(-shown);
  const median = p50Us ?? 0;
  return (
    <section class="card latency-card" aria-label="Latency">
      <h2>
        Latency <span class="aside">window complete → decision, all included</span>
      </h2>
      {p50Us === undefined ? (
        <p class="empty">No decisions yet.</p>
      ) : (
        <>
          <p class="plot-key">
            <span class="key-dot" aria-hidden="true" /> each decision <span class="key-dash" aria-hidden="true" /> p50{' '}
            <strong>{microsecondsInWords(median)}</strong>
          </p>
          <Plot
            times={recent.map(({ tMs }) => tMs / 1000)}
            lines={lines}
            values={[recent.map(({ latencyUs }) => latencyUs), recent.map(() => median)]}
            unit="µs"
            summary={`Latency of the last ${recent.length} decisions; the median is ${microsecondsInWords(median)}`}
          />
        </>
      )}
    </section>
  );
}
