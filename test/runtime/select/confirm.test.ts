import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainSettings } from '../../../runtime/measure/session-settings.ts';
import { type Confirmation, confirm, contradictionOf, obstacleTo, rivalsIn } from '../../../runtime/select/confirm.ts';
import type { Contender } from '../../../runtime/select/contender.ts';
import type { Proposal, Subject } from '../../../runtime/select/propose.ts';
import type { Settled } from '../../../runtime/select/settle.ts';
import { modelSha256, recordedEvidence, recordedTrial } from './recorded-evidence.ts';

const subject = {
  request: { objective: 'latency' },
  hardware: { soc: 'BCM2712' },
  float32: { sha256: modelSha256 },
  usual: plainSettings(1),
} as unknown as Subject;

/** A race that ended with this answer, at this speed-up. */
function ended(chosen: string, speedup: number, outcome: 'met' | 'closest' = 'met'): Settled {
  const contender = { name: chosen, speedup: { value: speedup, low: speedup * 0.98, high: speedup * 1.02 } };
  return {
    proposal: { spentMs: { building: 0, searching: 0 } },
    choice: { outcome, chosen, reasons: {}, fates: {}, verdict: `${chosen}: as it ended.` },
    contenders: [contender as Contender],
  } as unknown as Settled;
}

describe('a record from another device', () => {
  it('is of use for the same model, chip, objective and threads only, and says what is not the same', () => {
    assert.equal(obstacleTo(recordedEvidence(), subject), undefined);
    const other = (changes: object) => obstacleTo(recordedEvidence(), { ...subject, ...changes } as Subject);
    assert.match(other({ hardware: { soc: 'BCM2711' } })!, /from a BCM2712, this is a BCM2711/);
    assert.match(other({ float32: { sha256: 'b'.repeat(64) } })!, /of another model/);
    assert.match(other({ request: { objective: 'memory' } })!, /about latency, this is about memory/);
    assert.match(other({ usual: plainSettings(4) })!, /compares with 1 threads, this with 4/);
    assert.match(obstacleTo(recordedEvidence({ outcome: 'closest' }), subject)!, /nothing met the constraints/);
  });

  it('is confirmed by its answer and its best loser alone', () => {
    const slow = recordedTrial('weights', 1.1, { fate: 'left' });
    const { trials } = recordedEvidence();
    const names = rivalsIn(recordedEvidence({ trials: [...trials, slow] })).map(({ name }) => name);
    assert.deepEqual(names, ['float32', 'static', 'dynamic']);
  });

  it('holds when the same answer gains about as much', () => {
    assert.equal(contradictionOf(recordedEvidence(), ended('static', 1.9)), undefined);
  });

  it('holds when a simpler one is as good here', () => {
    const both = ended('dynamic', 2.02);
    const answer = ended('static', 2.0).contenders[0]!;
    const fates = { static: 'beaten', dynamic: 'chosen' } as const;
    const tied = { choice: { ...both.choice, fates }, contenders: [answer, ...both.contenders] };
    assert.equal(contradictionOf(recordedEvidence(), tied), undefined);
  });

  it('is contradicted by another answer, by a very different gain, and by a constraint', () => {
    assert.match(contradictionOf(recordedEvidence(), ended('float32', 1))!, /here float32 wins against static/);
    assert.match(
      contradictionOf(recordedEvidence(), ended('static', 1.2))!,
      /was 2\.00 times .* there and is 1\.20 times/,
    );
    assert.match(contradictionOf(recordedEvidence(), ended('static', 2, 'closest'))!, /static: as it ended/);
  });
});

/** A confirmation whose races end as told, and what was raced. */
async function confirmed(...ends: Settled[]) {
  const raced: string[] = [];
  const settled: Confirmation['settled'] = async (_, search) => {
    raced.push(search.mode);
    return { ...ends.shift()!, search };
  };
  const whole = async () =>
    ({ entries: [], excluded: [], spentMs: { building: 0, searching: 0 } }) as unknown as Proposal;
  const short = async () => whole();
  const { search, choice } = await confirm({ reference: recordedEvidence(), subject, settled, short, full: whole });
  return { raced, search, choice };
}

describe('a confirmation', () => {
  it('that agrees is all there is', async () => {
    const { raced, search } = await confirmed(ended('static', 2.05));
    assert.deepEqual(raced, ['confirmation']);
    assert.match(search.note, /^Confirmed what was found on Raspberry Pi 5/);
  });

  it('that contradicts is followed by the whole search, and says so', async () => {
    const { raced, search, choice } = await confirmed(ended('float32', 1), ended('dynamic', 1.4));
    assert.deepEqual(raced, ['confirmation', 'contradicted']);
    assert.equal(choice.chosen, 'dynamic');
    assert.match(search.note, /does not hold here: here float32 wins against static. The whole search was made/);
  });
});
