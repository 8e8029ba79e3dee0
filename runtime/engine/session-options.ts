/** Our words for a session's settings, and the table that says them in ONNX Runtime's. */
import type { InferenceSession } from 'onnxruntime-node';

/** How much ONNX Runtime may rewrite the graph. `all` chooses layouts for this machine's processor. */
export type OptimizationLevel = 'disabled' | 'basic' | 'extended' | 'layout' | 'all';

export type SessionOptions = {
  /** Threads that share one operator's work; 0 is one per physical core. Default 1: no other core is disturbed. */
  readonly threads?: number;
  /** Default `all`. */
  readonly level?: OptimizationLevel;
  /** Idle threads spin instead of sleeping: lower latency, a busy core. Default false. */
  readonly spinning?: boolean;
  /** Keeps freed memory for the next call: faster, more resident memory. Default true. */
  readonly arena?: boolean;
  /** Plans all buffers of a call as one block when shapes repeat. Default true. */
  readonly memoryPattern?: boolean;
  /** Writes the optimised graph to this file. */
  readonly optimizedPath?: string;
  /** Profiles every call; the file is `<prefix>_<time>.json`, complete once `endProfiling` was called. */
  readonly profilePrefix?: string;
  /** Writes nothing to stderr when a call fails: for a call that may fail. Default false. */
  readonly quiet?: boolean;
  /** Further configuration keys: `{ 'session.disable_quant_qdq': '1' }`. */
  readonly config?: Readonly<Record<string, string>>;
};

/** For sessions that run little or not at all: kernels read weights as they are instead of making copies laid out for speed. */
export const withoutPrepacking = { 'session.disable_prepacking': '1' } as const;

type Native = InferenceSession.SessionOptions;
type Row<K extends keyof SessionOptions> = (value: NonNullable<SessionOptions[K]>) => Native;

const translations: { readonly [K in keyof Required<SessionOptions>]: Row<K> } = {
  threads: (value) => ({ intraOpNumThreads: value }),
  level: (value) => ({ graphOptimizationLevel: value }),
  spinning: (value) => ({ extra: { 'session.intra_op.allow_spinning': value ? '1' : '0' } }),
  arena: (value) => ({ enableCpuMemArena: value }),
  memoryPattern: (value) => ({ enableMemPattern: value }),
  optimizedPath: (value) => ({ optimizedModelFilePath: value }),
  profilePrefix: (value) => ({ enableProfiling: true, profileFilePrefix: value }),
  quiet: (value) => ({ logSeverityLevel: value ? 4 : 3 }),
  config: (value) => ({ extra: value }),
};

const defaults = { threads: 1, level: 'all', spinning: false } as const satisfies SessionOptions;

export function nativeOptions(options: SessionOptions): Native {
  const chosen: SessionOptions = { ...defaults, ...options };
  const parts = Object.entries(chosen).flatMap(([name, value]) =>
    value === undefined ? [] : [(translations[name as keyof SessionOptions] as (value: unknown) => Native)(value)],
  );
  const extra = Object.assign({}, ...parts.map((part) => part.extra ?? {}));
  // One operator after the other: the parallel executor costs more than it gives on small machines. Only errors are
  // logged (to stderr); a warning about an unused initializer is no news to whoever runs a model.
  return Object.assign({ executionMode: 'sequential', logSeverityLevel: 3 }, ...parts, { extra });
}
