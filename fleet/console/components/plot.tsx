/** A line plot over time: uPlot in the page's colours, as wide as its card, redrawn when data, size or colour scheme change. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { timeInWords } from '../words.ts';
import { useColorScheme } from './color-scheme.ts';

export type Line = {
  readonly name: string;
  /** A custom property of style.css: `--hue-0`. */
  readonly color: string;
  readonly dashed?: boolean;
  readonly dots?: boolean;
};

type Props = {
  /** Unix time, seconds. */
  times: readonly number[];
  lines: readonly Line[];
  /** One list per line, as long as `times`. */
  values: readonly (readonly (number | null)[])[];
  unit: string;
  /** The plot in a sentence, for whoever does not see it. */
  summary: string;
};

const heightPx = 116;

export function Plot({ times, lines, values, unit, summary }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useColorScheme();
  const data = [times, ...values] as uPlot.AlignedData;
  const shape = JSON.stringify([scheme, unit, lines]);

  // `shape` stands for the options; new data goes through setData below.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const created = new uPlot(optionsOf(element, lines, unit), data, element);
    plot.current = created;
    const observer = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height: heightPx }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data));

  return <div class="plot" ref={frame} role="img" aria-label={summary} />;
}

function optionsOf(element: HTMLElement, lines: readonly Line[], unit: string): uPlot.Options {
  const style = getComputedStyle(element);
  const axis = {
    stroke: style.getPropertyValue('--muted'),
    font: '11px system-ui, sans-serif',
    ticks: { show: false },
  };
  const grid = { stroke: style.getPropertyValue('--line'), width: 1 };
  return {
    width: element.clientWidth,
    height: heightPx,
    // On the right, room for half a time of day, in the widest of system fonts.
    padding: [8, 36, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    // Starting at zero keeps noise looking like noise.
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.15 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 26,
        space: 80,
        values: (_plot, ticks) => ticks.map((tick) => timeInWords(tick * 1000)),
      },
      { ...axis, grid, size: 52, space: 34, values: (_plot, ticks) => ticks.map((tick) => `${tick} ${unit}`) },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, style))],
  };
}

function seriesOf({ name, color, dashed, dots }: Line, style: CSSStyleDeclaration): uPlot.Series {
  const stroke = style.getPropertyValue(color);
  return {
    label: name,
    stroke,
    width: dots ? 0 : 1.75,
    points: dots ? { show: true, size: 3.5, fill: stroke, width: 0 } : { show: false },
    ...(dashed ? { dash: [5, 4] } : {}),
  };
}
