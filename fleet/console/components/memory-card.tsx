/** How much memory the agent and the active runner hold: proportional set size, shared pages counted by share. */
import type { SystemPoint } from '../stream.ts';
import { bytesInWords } from '../words.ts';
import { type Line, Plot } from './plot.tsx';

const lines: readonly Line[] = [
  { name: 'agent', color: '--hue-4' },
  { name: 'runner', color: '--hue-3' },
];

export function MemoryCard({ points }: { points: readonly SystemPoint[] }) {
  const latest = points.at(-1);
  return (
    <section class="card memory-card" aria-label="Memory">
      <h2>
        Memory <span class="aside">proportional set size</span>
      </h2>
      {latest ? <Memory points={points} latest={latest} /> : <p class="empty">Nothing reported yet.</p>}
    </section>
  );
}

function Memory({ points, latest }: { points: readonly SystemPoint[]; latest: SystemPoint }) {
  const agent = sizeInWords(latest.agentPssBytes);
  const runner = sizeInWords(latest.runnerPssBytes);
  return (
    <>
      <p class="plot-key">
        <span class="key-line key-agent" aria-hidden="true" /> agent <strong>{agent}</strong>
        <span class="key-line key-runner" aria-hidden="true" /> runner <strong>{runner}</strong>
      </p>
      <Plot
        times={points.map(({ tMs }) => tMs / 1000)}
        lines={lines}
        values={[
          points.map((point) => mebibytes(point.agentPssBytes)),
          points.map((point) => mebibytes(point.runnerPssBytes)),
        ]}
        unit="MiB"
        summary={`Now: agent ${agent}, runner ${runner}`}
      />
    </>
  );
}

const mebibytes = (bytes: number | null) => (bytes === null ? null : bytes / 1024 ** 2);

const sizeInWords = (bytes: number | null) => (bytes === null ? '–' : bytesInWords(bytes));
