/**
 * Why a repository was refused, in words. tuf-js says it by many classes and, half of the time, by text alone (it wraps
 * what went wrong with snapshot and targets); this table reads both alike.
 */
import { type ErrorCode, OctetError } from '../runtime/base/errors.ts';

type Reason = {
  readonly sign: RegExp;
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
};

/** The first row whose sign occurs in the text applies. */
const reasons: readonly Reason[] = [
  {
    sign: /ENOSPC|EDQUOT/,
    code: 'DISK_FULL',
    what: 'expected room in the store, got a full disk',
    hint: 'Free space on the disk that holds the store, then try again; nothing was half-written.',
  },
  {
    // tuf-js passes on what the file system said: "EROFS: read-only file system, open …".
    sign: /\bE[A-Z]{3,}: /,
    code: 'WRITE_FAILED',
    what: 'expected to write the store, got an error of the file system',
    hint: 'Check that the store exists, belongs to the user of this process and is not mounted read-only.',
  },
  {
    sign: /is not valid JSON|Unexpected (token|end)/,
    code: 'REPOSITORY_UNREACHABLE',
    what: 'expected TUF metadata, got something else in its place',
    hint: 'Check that repository.url names the folder that holds metadata/ and targets/, and that no portal answers for it.',
  },
  {
    sign: /is expired/,
    code: 'SIGNATURE_INVALID',
    what: 'expected signatures that are still valid, got expired ones',
    hint: "Check this device's clock (timedatectl). If it is right, the operator must renew: octet models refresh",
  },
  {
    sign: /less than current|[Ee]xpected version|match (snapshot|timestamp)|Missing file/,
    code: 'SIGNATURE_INVALID',
    what: 'expected metadata at least as new as what this device has seen, got an older or mixed state (rollback)',
    hint: 'The server, or a cache before it, offers an old copy. Serve the newest one; devices never go back.',
  },
  {
    sign: /signed by \d+\/\d+/,
    code: 'SIGNATURE_INVALID',
    what: 'expected metadata signed by the keys of the pinned root, got other signatures',
    hint: "The pinned root belongs to another repository, or somebody tampered with it. Compare repository.rootFile with the operator's 1.root.json",
  },
  {
    sign: /[Ee]xpected (hash|length)|length/,
    code: 'SIGNATURE_INVALID',
    what: 'expected the bytes that were signed, got others',
    hint: 'The file on the server is damaged, cut short or replaced. The operator can find it: octet models verify',
  },
];

const otherwise: Omit<Reason, 'sign'> = {
  code: 'SIGNATURE_INVALID',
  what: 'expected signed TUF metadata, got something else',
  hint: 'The operator can find out what is wrong with it: octet models verify FOLDER --root 1.root.json',
};

/** An error of the pull as one of ours; those that are ours already pass unchanged. */
export function refusalFrom(error: unknown, { url }: { readonly url: string }): OctetError {
  if (error instanceof OctetError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const { code, what, hint } = reasons.find(({ sign }) => sign.test(text)) ?? otherwise;
  return new OctetError(code, `${url}: ${what} (${text})`, { hint, cause: error });
}
