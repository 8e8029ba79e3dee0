import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readProcessMemory } from '../../../runtime/hardware/process-memory.ts';

describe('the memory of a process', () => {
  it('holds at its peak what was once allocated, in bytes', () => {
    const before = readProcessMemory('self');
    const block = Buffer.alloc(64 * 1024 * 1024, 1);
    const after = readProcessMemory(process.pid);
    assert.ok(after.peakBytes! - before.residentBytes! >= 0.9 * block.length);
    assert.ok(after.pssBytes! > 0 && after.pssBytes! <= after.residentBytes! * 1.05);
  });

  it('is unknown for a process that is gone', () => {
    assert.deepEqual(readProcessMemory(4_194_305), { pssBytes: null, peakBytes: null, residentBytes: null });
  });
});
