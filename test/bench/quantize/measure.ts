/** The bench's side of the measuring process. */
import { fork } from 'node:child_process';
import type { MeasureRequest, ResultOf } from './measure-messages.ts';

/** @throws when the process ended without an answer; its own words are on stderr. */
export function measureInProcess<R extends MeasureRequest>(request: R): Promise<ResultOf<R>> {
  const child = fork(new URL('./measure-process.ts', import.meta.url), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<ResultOf<R>>();
  child.once('message', (result: ResultOf<R>) => resolve(result));
  child.once('error', reject);
  child.once('exit', (code) =>
    reject(new Error(`measuring (${request.kind}) ended with ${code} and without an answer`)),
  );
  child.send(request);
  return promise;
}
