/** `octet select --report`: the record of a selection as a page. */
import { writeFileAtomic } from '../runtime/base/files.ts';
import { readEvidence } from '../runtime/select/evidence.ts';
import { selectionPage } from '../runtime/select/report/page.ts';

/** @throws DISK_FULL, WRITE_FAILED; the record itself stays, whatever becomes of the page. */
export async function writeSelectionReport(path: string, evidencePath: string): Promise<void> {
  const page = selectionPage(await readEvidence(evidencePath), `octet select --repeat ${evidencePath}`);
  await writeFileAtomic(path, page);
}
