/** One line about the machine: board, chip, what it can compute fast, memory, versions. */
import type { Info } from '../../../agent/protocol/messages.ts';
import { bytesInWords } from '../words.ts';

export function DeviceFacts({ info }: { info: Info | undefined }) {
  if (!info) return null;
  return (
    <section class="facts" aria-label="Device">
      <dl>
        <Fact name="Board" value={info.board} />
        <Fact name="Chip" value={`${info.soc} · ${info.cores} × ${info.arch}`} />
        <Fact name="Memory" value={bytesInWords(info.memoryBytes)} />
        <Fact name="Runtime" value={`ONNX Runtime ${info.onnxRuntime} · Node ${info.node}`} />
        <div>
          <dt>Fast paths</dt>
          <dd class="chips">
            {info.cpuFeatures.map((feature) => (
              <span class="chip" key={feature}>
                {feature}
              </span>
            ))}
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd title={value}>{value}</dd>
    </div>
  );
}
