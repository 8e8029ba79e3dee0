/** What a model of the bench is: where it lies, and data that judges it apart from data that calibrates it. */
import type { Task } from '../../../runtime/data/pipeline.ts';
import type { Samples } from '../../../runtime/data/samples.ts';

export type BenchCase = {
  /** `fashion/dscnn`; with a dash for the slash it names files. */
  readonly name: string;
  /** float32. */
  readonly modelPath: string;
  readonly task: Task['kind'];
  /** What is not as in the other cases. */
  readonly note?: string;
  open(): Promise<CaseData>;
};

export type CaseData = {
  /** 256 samples, for both quantisers alike. */
  readonly calibration: Samples;
  /** What `auto` may calibrate and judge on; it contains `calibration`, and nothing of `test`. */
  readonly all: Samples;
  readonly test: Samples;
};

export const calibrationCount = 256;

/** `fashion/dscnn` → `fashion-dscnn`. */
export function fileNameOf({ name }: Pick<BenchCase, 'name'>): string {
  return name.replace('/', '-');
}
