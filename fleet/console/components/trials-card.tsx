/** The evidence: every variant that was measured on this device, with its figures and why it won or lost. */
import type { TrialRow } from '../../../agent/protocol/messages.ts';
import type { Slot } from '../figures.ts';
import { bytesInWords, microsecondsInWords, percentInWords, ratioInWords } from '../words.ts';

export function TrialsCard({ slot }: { slot: Slot | undefined }) {
  const trials = slot?.trials ?? [];
  return (
    <section class="card trials" aria-label="Trials">
      <h2>Measured on this device</h2>
      {trials.length === 0 ? (
        <p class="empty">No trials yet. Each variant is measured in a process of its own, next to float32.</p>
      ) : (
        <TrialsTable trials={trials} />
      )}
    </section>
  );
}

/** Head of the column, the class that says on which widths it shows, and the cell's text. */
const columns = [
  ['p90', 'wide', (row) => latencyText(row.p90Us)],
  ['p99', 'wide', (row) => latencyText(row.p99Us)],
  ['Speed', '', (row) => (row.speedup === 0 ? '–' : ratioInWords(row.speedup))],
  ['Size', 'medium', (row) => bytesInWords(row.sizeBytes)],
  ['Memory', 'wide', (row) => (row.peakMemoryBytes === 0 ? '–' : bytesInWords(row.peakMemoryBytes))],
  ['Accuracy', '', (row) => (row.accuracy === null ? '–' : percentInWords(row.accuracy))],
  ['Same as float32', 'medium', (row) => (row.agreement === null ? '–' : percentInWords(row.agreement))],
] as const satisfies readonly (readonly [string, string, (row: TrialRow) => string])[];

/** A trial that failed has zeros for figures; its reason says why. */
const latencyText = (us: number) => (us === 0 ? '–' : microsecondsInWords(us));

function TrialsTable({ trials }: { trials: readonly TrialRow[] }) {
  const slowestUs = Math.max(1, ...trials.map(({ p50Us }) => p50Us));
  return (
    <table>
      <caption class="visually-hidden">Variants, their measurements, and why each was chosen or not</caption>
      <thead>
        <tr>
          <th scope="col">Variant and why</th>
          <th scope="col" class="latency">
            p50 latency
          </th>
          {columns.map(([head, width]) => (
            <th scope="col" class={`number ${width}`} key={head}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {trials.map((row) => (
          <TrialTableRow key={row.sha256 + row.variant} row={row} slowestUs={slowestUs} />
        ))}
      </tbody>
    </table>
  );
}

function TrialTableRow({ row, slowestUs }: { row: TrialRow; slowestUs: number }) {
  return (
    <tr class={row.chosen ? 'row-chosen' : ''}>
      <th scope="row">
        <span class="variant">
          {row.variant}
          {row.chosen ? <span class="pill pill-good">✓ chosen</span> : null}
        </span>
        <span class="reason">{row.reason}</span>
      </th>
      <td class="latency">
        <span class="bar" aria-hidden="true">
          <span style={{ width: `${(row.p50Us / slowestUs) * 100}%` }} />
        </span>
        {latencyText(row.p50Us)}
      </td>
      {columns.map(([head, width, textOf]) => (
        <td class={`number ${width}`} key={head}>
          {textOf(row)}
        </td>
      ))}
    </tr>
  );
}
