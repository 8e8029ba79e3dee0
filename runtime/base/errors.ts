/**
 * The one error type of Octet and the catalogue of its codes. A code is stable (programs and documents refer to it), the
 * message says "expected X, got Y" and where, and the hint says what to do next, ideally a command.
 */

/** What a failed command tells the shell. 0 is success; 3 means the work was done but no result met the budget. */
export const exitCodes = { done: 0, failed: 1, badRequest: 2, budgetNotMet: 3 } as const;

/** Every error code, with the exit code a command ends with when the error reaches the shell. */
export const errorCatalogue = {
  /** A bug of ours: something that cannot happen has. */
  INTERNAL: exitCodes.failed,
  /** Command line: unknown option, missing argument, wrong value. */
  USAGE: exitCodes.badRequest,
  FILE_NOT_FOUND: exitCodes.badRequest,
  FILE_UNREADABLE: exitCodes.badRequest,
  /** Writing failed because the disk, or a quota on it, is full. */
  DISK_FULL: exitCodes.failed,
  WRITE_FAILED: exitCodes.failed,
  /** The bytes are not an ONNX model, or are cut short. */
  MODEL_INVALID: exitCodes.badRequest,
  /** A valid ONNX model that Octet or ONNX Runtime cannot run. */
  MODEL_UNSUPPORTED: exitCodes.badRequest,
  /** A graph broke an invariant that a rewrite must keep. */
  GRAPH_INVALID: exitCodes.failed,
  /** Data (.npz, .npy, recording) is malformed. */
  DATA_INVALID: exitCodes.badRequest,
  /** Data is well-formed but its names, types or shapes are not the model's. */
  DATA_MISMATCH: exitCodes.badRequest,
  /** ONNX Runtime refused a call. */
  ENGINE_FAILED: exitCodes.failed,
  /** A model needs more memory than it may have. */
  OUT_OF_MEMORY: exitCodes.failed,
  QUANT_RANGE: exitCodes.failed,
  RECIPE_INVALID: exitCodes.badRequest,
  /** A loss or weight became NaN or infinite while training. */
  TRAINING_DIVERGED: exitCodes.failed,
  /** A checkpoint is damaged, or of another training. */
  CHECKPOINT_INVALID: exitCodes.badRequest,
  /** A file is no record of a selection, or one of another format. */
  EVIDENCE_INVALID: exitCodes.badRequest,
  /** A child process (runner, builder, trial) died, did not answer, or answered nonsense. */
  CHILD_FAILED: exitCodes.failed,
  CHILD_TIMEOUT: exitCodes.failed,
  /** No candidate met the constraints; the report says what came closest. */
  BUDGET_NOT_MET: exitCodes.budgetNotMet,
  CONFIG_INVALID: exitCodes.badRequest,
  MANIFEST_INVALID: exitCodes.badRequest,
  PLATFORM_UNSUPPORTED: exitCodes.failed,
  PORT_IN_USE: exitCodes.failed,
  BROKER_UNREACHABLE: exitCodes.failed,
  PROTOCOL_INVALID: exitCodes.failed,
  STORE_FAILED: exitCodes.failed,
  SOURCE_FAILED: exitCodes.failed,
  SINK_FAILED: exitCodes.failed,
  /** A site's certificate authority could not do what it was asked to. */
  AUTHORITY_FAILED: exitCodes.failed,
  REPOSITORY_INVALID: exitCodes.failed,
  REPOSITORY_UNREACHABLE: exitCodes.failed,
  /** A signature, digest, version or expiry of repository metadata does not hold. */
  SIGNATURE_INVALID: exitCodes.failed,
  TARGET_NOT_FOUND: exitCodes.badRequest,
  DEPLOYMENT_FAILED: exitCodes.failed,
  /** Not an order: no compact JWS, or its claims are not what its topic takes. */
  ORDER_INVALID: exitCodes.failed,
  /** Signed by a key that the device does not obey, or in another operator's name. */
  ORDER_KEY_UNKNOWN: exitCodes.failed,
  ORDER_SIGNATURE: exitCodes.failed,
  /** Signed for another topic, or another device. */
  ORDER_TOPIC: exitCodes.failed,
  ORDER_AUDIENCE: exitCodes.failed,
  ORDER_EXPIRED: exitCodes.failed,
  /** Older than what the device has obeyed already. */
  ORDER_REPLAYED: exitCodes.failed,
  /** The same version or id as an order before, with other content. */
  ORDER_CONFLICT: exitCodes.failed,
  /** An older model than the active one, and the order does not allow it. */
  ORDER_DOWNGRADE: exitCodes.failed,
  /** Genuine, but not possible on this device. */
  ORDER_REJECTED: exitCodes.failed,
  /** Another order took its place. */
  ORDER_SUPERSEDED: exitCodes.failed,
  /** A device did not answer, or did not get there, in time. */
  DEVICE_TIMEOUT: exitCodes.failed,
  /** A deployment was not done by its deadline, or a model does not keep up with its sensor. */
  DEADLINE_PASSED: exitCodes.failed,
  /** A variant decides otherwise than float32 more often than its budget allows. */
  DISAGREEMENT: exitCodes.budgetNotMet,
  CANCELLED: exitCodes.failed,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof errorCatalogue;

export type OctetErrorOptions = {
  /** What to do next, ideally a command. */
  hint?: string;
  cause?: unknown;
};

export class OctetError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, { hint, cause }: OctetErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OctetError';
    this.code = code;
    this.hint = hint;
  }
}

/** An error as it crosses a process border or the wire: no stack, no cause chain. */
export type ErrorRecord = { code: ErrorCode; message: string; hint?: string | undefined };

export function errorRecordFrom(error: unknown): ErrorRecord {
  if (error instanceof OctetError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}

export function errorFromRecord({ code, message, hint }: ErrorRecord): OctetError {
  return new OctetError(code in errorCatalogue ? code : 'INTERNAL', message, hint === undefined ? {} : { hint });
}

/** The system's error code (`ENOENT`, `ENOSPC`, …) of a Node error, or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
