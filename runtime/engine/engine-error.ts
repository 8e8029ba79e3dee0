/** ONNX Runtime's errors are sentences; this table sorts them into our codes and adds what to do. */
import { type ErrorCode, OctetError } from '../base/errors.ts';

type Row = { readonly pattern: RegExp; readonly code: ErrorCode; readonly hint: string };

/** The first row that matches wins. */
const rows: readonly Row[] = [
  {
    pattern: /File doesn't exist|No such file/,
    code: 'FILE_NOT_FOUND',
    hint: 'Check the path, and that files with external data lie beside the model.',
  },
  {
    pattern: /External data path validation failed/,
    code: 'MODEL_INVALID',
    hint: 'Weights must lie in files beside the model and inside its folder; open the model by its path.',
  },
  {
    pattern: /protobuf parsing|does not have a graph/i,
    code: 'MODEL_INVALID',
    hint: 'The file is damaged or no ONNX model; copy or export it again.',
  },
  {
    pattern: /is under development|max supported IR version|only \*guarantees\* support/,
    code: 'MODEL_UNSUPPORTED',
    hint: 'The model is newer than the bundled ONNX Runtime; export it with an older opset (13 to 21 run everywhere).',
  },
  {
    pattern: /Failed to allocate memory|bad_alloc|bad allocation/,
    code: 'OUT_OF_MEMORY',
    hint: 'Use a smaller model or smaller batches, or free memory: free -m',
  },
  {
    pattern: /No Op registered|not a registered function\/op|NOT_IMPLEMENTED|Could not find an implementation/,
    code: 'MODEL_UNSUPPORTED',
    hint: 'Stock ONNX Runtime has no CPU kernel for this operator; export the model with standard operators.',
  },
  {
    pattern: /Unsupported data type|Non tensor type|unsupported type/i,
    code: 'MODEL_UNSUPPORTED',
    hint: 'Inputs and outputs must be dense tensors of the common element types; cast inside the model.',
  },
  {
    pattern:
      /invalid model|Invalid model|INVALID_GRAPH|ShapeInferenceError|TypeInferenceError|Missing model IR|Type Error/,
    code: 'MODEL_INVALID',
    hint: 'The graph contradicts itself; export it again (in Python, onnx.checker.check_model finds where).',
  },
];

/** @param what for the message: `loading model.onnx`, `running model.onnx`. */
export function engineError(what: string, cause: unknown): OctetError {
  if (cause instanceof OctetError) return cause;
  const text = (cause instanceof Error ? cause.message : String(cause)).trim().replace(/\s+/g, ' ');
  const row = rows.find(({ pattern }) => pattern.test(text));
  const options = row ? { hint: row.hint, cause } : { cause };
  return new OctetError(row?.code ?? 'ENGINE_FAILED', `${what}: ONNX Runtime says: ${text}`, options);
}

/**
 * Why a model could not be loaded. What ONNX Runtime takes for a damaged model is read once more by us, who can say what
 * the file is instead; only then, so that a sound model is read once and a process that runs one stays small.
 */
export async function loadingError(source: string | Uint8Array, origin: string, cause: unknown): Promise<OctetError> {
  const error = engineError(`loading ${origin}`, cause);
  if (typeof source !== 'string' || error.code !== 'MODEL_INVALID') return error;
  const { loadModel } = await import('../graph/load.ts');
  const own = await loadModel(source).then(
    () => undefined,
    (found: unknown) => found,
  );
  if (!(own instanceof OctetError) || own.code !== 'MODEL_INVALID') return error;
  return new OctetError(own.code, own.message, { ...(own.hint === undefined ? {} : { hint: own.hint }), cause });
}
