import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { probeHardware } from '../../../runtime/hardware/probe.ts';
import { candidates } from '../../../runtime/select/candidates.ts';

const boards = join(import.meta.dirname, '../../boards');
const convolutional = { operators: { Conv: 9, Relu: 7, Gemm: 1 }, weights: { Conv: 76_768, Gemm: 650 } };
const recurrent = { operators: { LSTM: 1, Gemm: 1 }, weights: { LSTM: 24_000, Gemm: 640 } };

async function namesFor(board: string, model = convolutional): Promise<string[]> {
  const { int8 } = await probeHardware({ root: join(boards, board) });
  return candidates(int8, model as typeof convolutional).included.map(({ name }) => name);
}

describe('candidates', () => {
  const expected = {
    'raspberry-pi-4': ['float32', 'static-s8s8-min-max', 'static-s8s8-mse', 'static-u8s8-min-max'],
    'raspberry-pi-5': ['float32', 'static-s8s8-min-max', 'static-s8s8-mse'],
    'x86-vnni-vm': ['float32', 'static-u8s8-min-max', 'static-u8s8-mse'],
  } as const;
  for (const [board, names] of Object.entries(expected)) {
    it(`for a convolutional model on ${board} are those its kernels are made for`, async () => {
      assert.deepEqual(await namesFor(board), names);
    });
  }

  it('name the forms that a processor has no kernels for, with the reason', async () => {
    const { int8 } = await probeHardware({ root: join(boards, 'raspberry-pi-5') });
    const { excluded } = candidates(int8, convolutional);
    assert.match(excluded.find(({ name }) => name === 'static-u8s8')!.reason, /signed kernels do the same with fewer/);
  });

  it('keep weights in a few bits only where they do not fit the caches', () => {
    const model = (count: number) => ({ operators: { MatMul: 4 }, weights: { MatMul: count } });
    const kinds = (count: number) =>
      candidates({ family: 'dotprod' }, model(count)).included.map(({ recipe }) => recipe?.kind);
    assert.ok(kinds(1e6).includes('weight-only'));
    assert.ok(!kinds(1e5).includes('weight-only'));
  });

  it('always begin with float32, even on a device that tells nothing', async () => {
    assert.deepEqual((await namesFor('absent'))[0], 'float32');
    assert.deepEqual(
      candidates({ family: 'none' }, { operators: {}, weights: {} }).included.map(({ name }) => name),
      ['float32'],
    );
  });

  it('never quantise Conv dynamically, and say why', () => {
    const { included, excluded } = candidates({ family: 'vnni' }, { operators: { Conv: 3 }, weights: { Conv: 1e6 } });
    assert.ok(!included.some(({ recipe }) => recipe?.kind === 'dynamic'));
    assert.match(excluded.find(({ name }) => name === 'dynamic')!.reason, /Conv is many times slower/);
  });

  it('propose dynamic where the weights of MatMul, Gemm and LSTM are worth it', () => {
    const { included } = candidates({ family: 'dotprod' }, recurrent);
    assert.ok(included.some(({ recipe }) => recipe?.kind === 'dynamic'));
    const small = candidates({ family: 'dotprod' }, { operators: { Gemm: 1 }, weights: { Gemm: 650 } });
    assert.match(small.excluded.find(({ name }) => name === 'dynamic')!.reason, /only 650 weights/);
  });

  it('leave static out where nothing runs in int8 that way', () => {
    const { included, excluded } = candidates(
      { family: 'vnni' },
      { operators: { LSTM: 1 }, weights: { LSTM: 24_000 } },
    );
    assert.deepEqual(
      included.map(({ name }) => name),
      ['float32', 'dynamic'],
    );
    assert.match(excluded[0]!.reason, /no Conv, MatMul, Gemm/);
  });

  it('are per channel with int8 weights, and each has its reason', () => {
    for (const family of ['vnni', 'neon'] as const)
      for (const { recipe, reason } of candidates({ family }, recurrent).included) {
        assert.ok(reason.length > 10);
        if (recipe && recipe.kind !== 'weight-only')
          assert.deepEqual([recipe.weight, recipe.perChannel], ['int8', true]);
      }
  });
});
