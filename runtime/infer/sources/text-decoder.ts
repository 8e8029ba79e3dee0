/** Samples as lines of text. A line that is none is counted, shown and left out: one garbled line must not end a year. */
import { StringDecoder } from 'node:string_decoder';
import { OctetError } from '../../base/errors.ts';
import { type Pipeline, sampleWidth } from '../../data/pipeline.ts';
import type { Report } from '../problems.ts';
import type { SampleDecoder } from './sample-format.ts';

/** Reads one line. @returns its values, in the pipeline's order; `head` for a line that names columns; what is wrong otherwise. */
type ReadLine = (line: string) => readonly number[] | 'head' | { readonly expected: string };

/** A "line" longer than this is not one. */
const maxLineLength = 1 << 20;

export function createTextDecoder(readLine: ReadLine, report: Report): SampleDecoder {
  const utf8 = new StringDecoder('utf8');
  let rest = '';
  const samplesOf = (lines: readonly string[]): Float32Array =>
    Float32Array.from(
      lines.flatMap((line) => {
        const values = line.trim() === '' ? 'head' : readLine(line);
        if (typeof values === 'object' && 'expected' in values) report(lineError(values.expected, line));
        return Array.isArray(values) ? (values as readonly number[]) : [];
      }),
    );
  return {
    push(bytes) {
      const lines = `${rest}${utf8.write(bytes as Buffer)}`.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLineLength) {
        lines.push(rest);
        rest = '';
      }
      return samplesOf(lines);
    },
    end: () => samplesOf([rest + utf8.end()]),
  };
}

function lineError(expected: string, line: string): OctetError {
  const got = line.length > 80 ? `${line.slice(0, 80)}…` : line;
  return new OctetError('SOURCE_FAILED', `source: expected ${expected} per line, got ${got}`);
}

export function jsonRows(pipeline: Pipeline): ReadLine {
  const width = sampleWidth(pipeline);
  const names = pipeline.channels.map(({ name }) => name);
  const expected = `a JSON array of ${width} numbers`;
  return (line) => {
    const value = parseJsonOrNothing(line);
    const values = isRecord(value) ? names.map((name) => value[name]) : value;
    return Array.isArray(values) && values.length === width && values.every(Number.isFinite) ? values : { expected };
  };
}

/** Without a line of names the columns are the channels, in order. */
export function csvRows(pipeline: Pipeline): ReadLine {
  const width = sampleWidth(pipeline);
  const names = pipeline.channels.map(({ name }) => name);
  let columns: readonly number[] | undefined;
  return (line) => {
    const fields = line.trim().split(/\s*[,;]\s*|\s+/);
    const head = names.map((name) => fields.indexOf(name));
    if (head.every((column) => column >= 0)) {
      columns = head;
      return 'head';
    }
    const values = (columns ? columns.map((column) => fields[column] ?? '') : fields).map(numberFrom);
    const isSample = values.length === width && values.every(Number.isFinite);
    return isSample ? values : { expected: `${width} numbers or a head with ${names.join(', ')}` };
  };
}

function numberFrom(text: string): number {
  return text === '' ? Number.NaN : Number(text);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Said by the caller, as what it got instead.
    return undefined;
  }
}
