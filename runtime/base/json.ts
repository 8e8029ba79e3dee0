/** JSON from outside: parsed and checked against a zod schema once, at the edge, with every problem named by its path. */
import type { z } from 'zod';
import { type ErrorCode, OctetError } from './errors.ts';
import { readInput } from './files.ts';

export type Expectation = {
  /** The error code for malformed or mismatching text. */
  code: ErrorCode;
  /** What the document is and where it came from: `manifest /data/model/manifest.json`. */
  what: string;
  hint?: string;
};

/** @throws `expectation.code` naming each offending path, what was expected and what was there. */
export function parseJson<S extends z.ZodType>(text: string, schema: S, expectation: Expectation): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw failure(
      expectation,
      `expected JSON, got ${JSON.stringify(text.slice(0, 40))} (${(cause as Error).message})`,
      cause,
    );
  }
  return checkValue(value, schema, expectation);
}

/** @throws `expectation.code` naming each offending path. */
export function checkValue<S extends z.ZodType>(value: unknown, schema: S, expectation: Expectation): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || '(root)'}: ${message}, got ${describe(at(value, path))}`,
  );
  throw failure(expectation, problems.join('; '));
}

export async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
  expectation: Expectation,
): Promise<z.output<S>> {
  const bytes = await readInput(path, expectation.what);
  return parseJson(bytes.toString('utf8'), schema, expectation);
}

function failure({ code, what, hint }: Expectation, detail: string, cause?: unknown): OctetError {
  return new OctetError(code, `${what}: ${detail}`, { ...(hint === undefined ? {} : { hint }), cause });
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return `${text.length > 60 ? `${text.slice(0, 57)}…` : text} (${value === null ? 'null' : typeof value})`;
}
