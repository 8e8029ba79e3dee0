/** A bench's windows as CSV, kept or not, with what identifies the run in every row, so that files of many runs can be joined. */
import type { BenchReport } from '../runtime/measure/bench-report.ts';

type Row = { readonly report: BenchReport; readonly phase: string; readonly window: BenchReport['windows'][number] };

const columns: Readonly<Record<string, (row: Row) => string | number | boolean | null>> = {
  started_at: ({ report }) => report.startedAt,
  model_sha256: ({ report }) => report.model.sha256,
  board: ({ report }) => report.device.board,
  onnx_runtime: ({ report }) => report.versions.onnxRuntime,
  mode: ({ report }) => report.options.mode,
  batch: ({ report }) => report.options.batch,
  threads: ({ report }) => report.options.threads,
  phase: ({ phase }) => phase,
  at_ms: ({ window }) => window.atMs,
  duration_ms: ({ window }) => window.durationMs,
  queries: ({ window }) => window.queries,
  p50_us: ({ window }) => window.p50Us,
  p90_us: ({ window }) => window.p90Us,
  p99_us: ({ window }) => window.p99Us,
  temperature_c: ({ window }) => window.temperatureC,
  frequency_mhz: ({ window }) => window.frequencyMHz,
  kept: ({ window }) => window.isKept,
  disturbed: ({ window }) => [...new Set(window.disturbances.map(({ kind }) => kind))].join(' '),
};

/** A head, then a row per window: first those of the measurement (`cold`), then those of a sustained run. RFC 4180 quoting. */
export function benchCsv(report: BenchReport): string {
  const rows: Row[] = [
    ...report.windows.map((window) => ({ report, phase: 'cold', window })),
    ...(report.sustained?.windows ?? []).map((window) => ({ report, phase: 'sustained', window })),
  ];
  const cells = rows.map((row) => Object.values(columns).map((cell) => quoted(String(cell(row) ?? ''))));
  return [Object.keys(columns), ...cells].map((line) => `${line.join(',')}\n`).join('');
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
