/** How warm and how busy the device is. Where there is no temperature sensor, the card says so. */
import type { SystemPoint } from '../stream.ts';
import { percentInWords } from '../words.ts';
import { type Line, Plot } from './plot.tsx';

const temperatureLine: Line = { name: 'temperature', color: '--hue-1' };
const loadLine: Line = { name: 'CPU', color: '--hue-2' };

export function ClimateCard({ points }: { points: readonly SystemPoint[] }) {
  const latest = points.at(-1);
  return (
    <section class="card climate-card" aria-label="Temperature and CPU">
      <h2>Temperature and CPU</h2>
      {latest ? <Climate points={points} latest={latest} /> : <p class="empty">Nothing reported yet.</p>}
    </section>
  );
}

function Climate({ points, latest }: { points: readonly SystemPoint[]; latest: SystemPoint }) {
  const temperatures = points.map(({ temperatureC }) => temperatureC);
  const loads = points.map(({ cpuLoad }) => (cpuLoad === null ? null : cpuLoad * 100));
  const hasSensor = temperatures.some((value) => value !== null);
  const temperature = hasSensor ? temperatureInWords(latest.temperatureC) : 'no temperature sensor';
  const load = latest.cpuLoad === null ? '–' : percentInWords(latest.cpuLoad, 0);
  return (
    <>
      <p class="plot-key">
        {hasSensor ? <span class="key-line key-temperature" aria-hidden="true" /> : null}
        {hasSensor ? <strong>{temperature}</strong> : <span>{temperature}</span>}
        <span class="key-line key-load" aria-hidden="true" />
        CPU <strong>{load}</strong>
      </p>
      <Plot
        times={points.map(({ tMs }) => tMs / 1000)}
        lines={hasSensor ? [temperatureLine, loadLine] : [loadLine]}
        values={hasSensor ? [temperatures, loads] : [loads]}
        unit={hasSensor ? '' : '%'}
        summary={`Now: ${temperature}, CPU ${load}`}
      />
    </>
  );
}

function temperatureInWords(celsius: number | null): string {
  return celsius === null ? '–' : `${celsius.toFixed(1)}\u00a0°C`;
}
