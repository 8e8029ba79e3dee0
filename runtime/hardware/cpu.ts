/**
 * The processor from /proc/cpuinfo: cores by kind (big and little ones differ), and the features that decide which
 * integer kernels ONNX Runtime takes. The kernel lists features per core; a program may only use what all cores have.
 */
import type { Readings } from './readings.ts';

/** What fast kernels look at: the kernel's word for it → ours. Source: Linux arm64 hwcaps, x86 cpufeatures. */
const featureNames = {
  asimd: 'neon',
  asimddp: 'dotprod',
  i8mm: 'i8mm',
  sve: 'sve',
  sve2: 'sve2',
  svei8mm: 'svei8mm',
  sme: 'sme',
  asimdhp: 'fp16',
  bf16: 'bf16',
  avx2: 'avx2',
  avx512f: 'avx512',
  avx_vnni: 'avx_vnni',
  avx512_vnni: 'avx512_vnni',
  avx512_fp16: 'avx512_fp16',
  avx512_bf16: 'avx512_bf16',
  amx_int8: 'amx_int8',
  amx_bf16: 'amx_bf16',
} as const satisfies Record<string, string>;

export type CpuFeature = (typeof featureNames)[keyof typeof featureNames];

/** Implementer and part of the main id register → name. Source: Arm's technical reference manuals. */
const armParts: Readonly<Record<string, string>> = {
  '0x41:0xd03': 'Cortex-A53',
  '0x41:0xd04': 'Cortex-A35',
  '0x41:0xd05': 'Cortex-A55',
  '0x41:0xd07': 'Cortex-A57',
  '0x41:0xd08': 'Cortex-A72',
  '0x41:0xd09': 'Cortex-A73',
  '0x41:0xd0a': 'Cortex-A75',
  '0x41:0xd0b': 'Cortex-A76',
  '0x41:0xd0c': 'Neoverse-N1',
  '0x41:0xd40': 'Neoverse-V1',
  '0x41:0xd41': 'Cortex-A78',
  '0x41:0xd42': 'Cortex-A78AE',
  '0x41:0xd46': 'Cortex-A510',
  '0x41:0xd47': 'Cortex-A710',
  '0x41:0xd49': 'Neoverse-N2',
  '0x41:0xd4f': 'Neoverse-V2',
  '0x41:0xd81': 'Cortex-A720',
  '0x4e:0x004': 'Carmel',
};

/** Cores of one kind: same design, same highest clock. */
export type CoreCluster = {
  readonly model: string;
  readonly cores: number;
  /** Fewer than `cores` where two share one's arithmetic units (hyper-threading). */
  readonly physicalCores: number;
  /** Their numbers, as `taskset` takes them. */
  readonly cpus: readonly number[];
  readonly maxFrequencyMHz: number | null;
};

export type Cpu = {
  readonly arch: 'arm64' | 'x64' | 'unknown';
  /** `4× Cortex-A76 + 4× Cortex-A55`, fastest first. */
  readonly model: string;
  readonly cores: number;
  readonly clusters: readonly CoreCluster[];
  /** What every core has, in the order of the table above. */
  readonly features: readonly CpuFeature[];
};

type Core = {
  readonly cpu: number;
  /** Equal where two processors are threads of one core. */
  readonly core: string;
  readonly model: string;
  readonly flags: ReadonlySet<string>;
  readonly maxFrequencyMHz: number | null;
};

export function readCpu(readings: Readings): Cpu {
  const cores = parseCpuInfo(readings.text('/proc/cpuinfo') ?? '').map((record) => coreFrom(record, readings));
  const clusters = clustersOf(cores);
  return {
    arch: archOf(cores),
    model: clusters.length === 1 ? clusters[0]!.model : clusters.map((c) => `${c.cores}× ${c.model}`).join(' + '),
    cores: cores.length,
    clusters,
    features: Object.entries(featureNames).flatMap(([flag, name]) =>
      cores.length > 0 && cores.every(({ flags }) => flags.has(flag)) ? [name] : [],
    ),
  };
}

/** One record per `processor` entry; text that is not `key : value` is passed over. */
function parseCpuInfo(text: string): Readonly<Record<string, string>>[] {
  return text
    .split(/\n\s*\n/)
    .map((block) =>
      Object.fromEntries(
        block.split('\n').flatMap((line) => {
          const colon = line.indexOf(':');
          return colon < 0 ? [] : [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const];
        }),
      ),
    )
    .filter((record) => /^\d+$/.test(record.processor ?? ''));
}

function coreFrom(record: Readonly<Record<string, string>>, readings: Readings): Core {
  const frequencyKHz = readings.number(`/sys/devices/system/cpu/cpu${record.processor}/cpufreq/cpuinfo_max_freq`);
  const part = `${record['CPU implementer']}:${record['CPU part']}`.toLowerCase();
  const arm = record['CPU part'] === undefined ? undefined : (armParts[part] ?? `ARM ${part}`);
  const isNamed = record['core id'] !== undefined;
  return {
    cpu: Number(record.processor),
    core: isNamed ? `${record['physical id']}:${record['core id']}` : `cpu ${record.processor}`,
    // NVIDIA's kernels add a `model name` that says no more than "ARMv8 Processor": the part number tells more.
    model: arm ?? record['model name'] ?? 'unknown',
    flags: new Set((record.Features ?? record.flags ?? '').split(/\s+/)),
    maxFrequencyMHz: frequencyKHz === undefined ? null : Math.round(frequencyKHz / 1000),
  };
}

function clustersOf(cores: readonly Core[]): CoreCluster[] {
  const groups = Object.values(Object.groupBy(cores, ({ model, maxFrequencyMHz }) => `${model} ${maxFrequencyMHz}`));
  return groups
    .map((group) => ({
      model: group![0]!.model,
      cores: group!.length,
      physicalCores: new Set(group!.map(({ core }) => core)).size,
      cpus: group!.map(({ cpu }) => cpu),
      maxFrequencyMHz: group![0]!.maxFrequencyMHz,
    }))
    .sort((a, b) => (b.maxFrequencyMHz ?? 0) - (a.maxFrequencyMHz ?? 0));
}

function archOf(cores: readonly Core[]): Cpu['arch'] {
  const flags = cores[0]?.flags;
  if (flags?.has('asimd')) return 'arm64';
  return flags?.has('sse2') ? 'x64' : 'unknown';
}
