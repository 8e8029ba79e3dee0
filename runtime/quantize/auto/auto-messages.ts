/** What the process that searches and whoever started it say to each other over IPC. */
import type { ErrorRecord } from '../../base/errors.ts';
import type { SamplesOptions } from '../../data/samples.ts';
import type { AutoOptions, AutoResult } from './auto.ts';
import type { Crash } from './journal.ts';
import type { Contender } from './search.ts';

export type AutoRequest = {
  readonly kind: 'auto';
  readonly modelPath: string;
  /** As `openSamples` takes them. */
  readonly data: readonly string[];
  readonly about: Omit<SamplesOptions, 'inputs'>;
  readonly options: Omit<AutoOptions, 'onProgress' | 'signal' | 'start' | 'journal'>;
  readonly known: readonly Contender[];
  readonly crashes: readonly Crash[];
};

export type AutoEvent =
  | { readonly kind: 'begin'; readonly attempt: Omit<Crash, 'reason'> }
  | { readonly kind: 'found'; readonly contender: Contender }
  | { readonly kind: 'progress'; readonly fraction: number; readonly detail: string }
  | { readonly kind: 'result'; readonly result: AutoResult }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };
