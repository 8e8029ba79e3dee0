/** What commonly ails a board: judged from the probe's report and a few facts beside it. Pure. */
import type { HardwareReport } from '../../runtime/hardware/probe.ts';
import { bad, type Finding, good, poor } from './finding.ts';

export type DeviceFacts = {
  readonly hardware: Pick<HardwareReport, 'system' | 'thermals' | 'memory' | 'board'>;
  /** `2.36`; null on a C library that is not glibc. */
  readonly glibc: string | null;
  readonly wallMs: number;
  /** Whether something has set the clock; null where nothing tells. */
  readonly isClockSet: boolean | null;
  /** Names in /sys/fs/cgroup/cgroup.controllers. */
  readonly controllers: readonly string[];
  readonly hasWatchdog: boolean;
};

/** onnxruntime-node 1.30 needs glibc 2.28; better-sqlite3, as it is built, 2.34. */
const leastGlibc = [2, 34] as const;
/** Nobody runs this before it was written: an earlier year is a board without a battery clock. */
const leastYear = 2026;
const littleMemoryBytes = 480 * 2 ** 20;
const hotC = 80;

export function deviceFindings(facts: DeviceFacts): Finding[] {
  return [
    system(facts),
    library(facts),
    clock(facts),
    power(facts),
    heat(facts),
    memory(facts),
    memoryLimit(facts),
    watchdog(facts),
  ];
}

function system({ hardware: { system } }: DeviceFacts): Finding {
  const found = `${system.kernelBits ?? '?'}-bit kernel, ${system.userlandBits ?? '?'}-bit system`;
  return system.userlandBits === 32
    ? bad('system', found, 'ONNX Runtime has no 32-bit ARM build. Flash the 64-bit image of your system.')
    : good('system', found);
}

function library({ glibc }: DeviceFacts): Finding {
  if (glibc === null)
    return bad(
      'C library',
      'not glibc',
      'ONNX Runtime needs glibc: use Debian, Ubuntu or Raspberry Pi OS instead of Alpine.',
    );
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  const isNew = major > leastGlibc[0] || (major === leastGlibc[0] && minor >= leastGlibc[1]);
  return isNew
    ? good('C library', `glibc ${glibc}`)
    : bad(
        'C library',
        `glibc ${glibc}`,
        `glibc ${leastGlibc.join('.')} or newer is needed: Debian 12, Ubuntu 22.04, JetPack 6.`,
      );
}

function clock({ wallMs, isClockSet }: DeviceFacts): Finding {
  const now = new Date(wallMs);
  const found = now.toISOString().slice(0, 16).replace('T', ' ');
  const advice =
    'timedatectl status; a site without internet needs a time server of its own. Signatures and certificates expire by this clock.';
  if (now.getUTCFullYear() < leastYear) return bad('clock', found, advice);
  return isClockSet === false ? poor('clock', `${found}, not synchronised`, advice) : good('clock', found);
}

function power({ hardware: { thermals } }: DeviceFacts): Finding {
  const [now, before] = [thermals.throttled ?? [], thermals.throttledSinceBoot ?? []];
  const advice = 'Use the power supply and the cable that are made for this board; unplug what it feeds over USB.';
  if (now.includes('under-voltage')) return bad('power', 'under-voltage now', advice);
  return before.includes('under-voltage')
    ? poor('power', 'under-voltage since the start', advice)
    : good('power', 'no complaint');
}

function heat({ hardware: { thermals } }: DeviceFacts): Finding {
  const { temperatureC, throttled } = thermals;
  const found = temperatureC === null ? 'no sensor' : `${temperatureC} °C`;
  const isHeld = throttled?.some((reason) => reason !== 'under-voltage') ?? false;
  return isHeld || (temperatureC ?? 0) >= hotC
    ? poor(
        'heat',
        `${found}${isHeld ? ', slowed down' : ''}`,
        'Give it a heat sink or air; figures measured now are not those of a cool board.',
      )
    : good('heat', found);
}

function memory({
  hardware: {
    memory: { totalBytes, swap },
  },
}: DeviceFacts): Finding {
  const total = totalBytes === null ? 'unknown' : `${Math.round(totalBytes / 2 ** 20)} MiB`;
  if (totalBytes !== null && totalBytes < littleMemoryBytes)
    return poor(
      'memory',
      total,
      'Agent, runner and a selection together want 512 MB; choose small models, and add zram.',
    );
  return swap.some(({ kind }) => kind !== 'zram')
    ? poor(
        'memory',
        `${total}, swap on a disk`,
        'Swapping wears cards out and makes decisions late: use zram instead (apt install zram-tools).',
      )
    : good('memory', total);
}

function memoryLimit({ controllers, hardware: { board } }: DeviceFacts): Finding {
  if (controllers.includes('memory')) return good('memory limits', 'the kernel keeps them');
  const file = board.startsWith('Raspberry Pi') ? '/boot/firmware/cmdline.txt' : "the kernel's command line";
  return poor(
    'memory limits',
    'the kernel does not keep them',
    `Add cgroup_enable=memory to ${file} and start again, so that a builder cannot starve the runner.`,
  );
}

function watchdog({ hasWatchdog }: DeviceFacts): Finding {
  return hasWatchdog
    ? good('watchdog', '/dev/watchdog')
    : poor(
        'watchdog',
        'none',
        'A board that hangs stays so. On a Raspberry Pi: RuntimeWatchdogSec=15s in /etc/systemd/system.conf loads it.',
      );
}
