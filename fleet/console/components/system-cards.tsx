/** The machine under the model: how warm, how busy, how much memory the agent and the runner hold. */
import type { SystemPoint } from '../stream.ts';
import { bytesInWords, percentInWords } from '../words.ts';
import { type Line, Plot } from './plot.tsx';

export function SystemCards({ points }: { points: readonly SystemPoint[] }) {
  return (
    <>
      <ClimateCard points={points} />
      <MemoryCard points={points} />
    </>
  );
}

const temperatureLine: Line = { name: 'temperature', color: '--hue-1' };
const loadLine: Line = { name: 'CPU', color: '--hue-2' };

function ClimateCard({ points }: { points: readonly SystemPoint[] }) {
  const temperatures = points.map(({ temperatureC }) => temperatureC);
  const hasSensor = temperatures.some((value) => value !== null);
  const loads = points.map(({ cpuLoad }) => (cpuLoad === null ? null : cpuLoad * 100));
  const latest = points.at(-1);
  const words = latest ? climateInWords(latest) : 'nothing reported yet';
  return (
    <section class="card climate-card" aria-label="Temperature and CPU">
      <h2>{hasSensor ? 'Temperature and CPU' : 'CPU'}</h2>
      <p class="plot-key">
        {hasSensor ? <span class="key-line key-temperature" aria-hidden="true" /> : null}
        {hasSensor ? (
          <strong>{temperatureInWords(latest?.temperatureC ?? null)}</strong>
        ) : (
          <span>no temperature sensor</span>
        )}
        <span class="key-line key-load" aria-hidden="true" />
        CPU <strong>{loadInWords(latest?.cpuLoad ?? null)}</strong>
      </p>
      {points.length === 0 ? (
        <p class="empty">Nothing reported yet.</p>
      ) : (
        <Plot
          times={timesOf(points)}
          lines={hasSensor ? [temperatureLine, loadLine] : [loadLine]}
          values={hasSensor ? [temperatures, loads] : [loads]}
          unit={hasSensor ? '' : '%'}
          summary={`Now: ${words}`}
        />
      )}
    </section>
  );
}

const memoryLines: readonly Line[] = [
  { name: 'agent', color: '--hue-4' },
  { name: 'runner', color: '--hue-3' },
];

function MemoryCard({ points }: { points: readonly SystemPoint[] }) {
  const latest = points.at(-1);
  const agent = sizeInWords(latest?.agentPssBytes ?? null);
  const runner = sizeInWords(latest?.runnerPssBytes ?? null);
  return (
    <section class="card memory-card" aria-label="Memory">
      <h2>
        Memory <span class="aside">proportional set size</span>
      </h2>
      <p class="plot-key">
        <span class="key-line key-agent" aria-hidden="true" /> agent <strong>{agent}</strong>
        <span class="key-line key-runner" aria-hidden="true" /> runner <strong>{runner}</strong>
      </p>
      {points.length === 0 ? (
        <p class="empty">Nothing reported yet.</p>
      ) : (
        <Plot
          times={timesOf(points)}
          lines={memoryLines}
          values={[
            points.map((point) => megabytes(point.agentPssBytes)),
            points.map((point) => megabytes(point.runnerPssBytes)),
          ]}
          unit="MB"
          summary={`Now: agent ${agent}, runner ${runner}`}
        />
      )}
    </section>
  );
}

const timesOf = (points: readonly SystemPoint[]) => points.map(({ tMs }) => tMs / 1000);

const megabytes = (bytes: number | null) => (bytes === null ? null : bytes / 1e6);

const sizeInWords = (bytes: number | null) => (bytes === null ? '–' : bytesInWords(bytes));

const temperatureInWords = (celsius: number | null) =>
  celsius === null ? 'no temperature sensor' : `${celsius.toFixed(1)} °C`;

const loadInWords = (load: number | null) => (load === null ? '–' : percentInWords(load, 0));

function climateInWords({ temperatureC, cpuLoad }: SystemPoint): string {
  return `${temperatureInWords(temperatureC)}, CPU ${loadInWords(cpuLoad)}`;
}
