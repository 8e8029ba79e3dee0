/** The helper as a process: one piece of work, its outcome, the end. */
import { once } from 'node:events';
import { endWithParent } from '../../runtime/base/children.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { errorRecordFrom } from '../../runtime/base/errors.ts';
import { probeDevice } from '../probe-device.ts';
import type { HelperEvent, HelperRequest, HelperWork, WorkName } from './messages.ts';

type Perform<K extends WorkName> = (
  request: HelperWork[K]['request'],
  onProgress: (progress: HelperWork[K]['progress']) => void,
) => Promise<HelperWork[K]['result']>;

/** Only what this piece of work needs is loaded. */
const performers: { readonly [K in WorkName]: Perform<K> } = {
  pull: async (request, onProgress) =>
    (await import('../../models/pull.ts')).pullModel({ ...request, clock: systemClock, onProgress }),
  select: async (request, onProgress) =>
    (await import('../../runtime/select/run-selection.ts')).runSelection(request, { onProgress }),
  bench: async (work, onProgress) => {
    const { measureWork } = await import('../jobs/measure-work.ts');
    return measureWork(work, { clock: systemClock, onProgress });
  },
  profile: async (request) => (await import('../../runtime/infer/profile-inputs.ts')).profileInputs(request),
  probe: () => probeDevice(),
};

/** `internal helper`. */
export async function main(): Promise<void> {
  endWithParent();
  // Ctrl-C reaches the whole process group; it is the agent who stops us.
  process.on('SIGINT', () => undefined);
  const [{ work, request }] = (await once(process, 'message')) as [HelperRequest];
  const perform = performers[work] as Perform<WorkName>;
  try {
    const result = await perform(request, (progress) => void tell({ kind: 'progress', progress }));
    await tell({ kind: 'done', result });
  } catch (error) {
    await tell({ kind: 'failed', error: errorRecordFrom(error) });
  }
  process.exit(0);
}

/** Resolves when it is on its way. */
function tell(event: HelperEvent): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(event, () => resolve());
  });
}
