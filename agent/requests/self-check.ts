/** The device judges itself, in one answer: what `octet doctor` would look at, seen from inside the agent. */
import type { Reported } from '../protocol/messages.ts';

export type Check = {
  readonly name: string;
  readonly isOk: boolean;
  /** What was found. */
  readonly text: string;
  /** What to do about it. */
  readonly hint?: string;
};

export type SelfCheckFacts = {
  readonly isClockRight: boolean;
  readonly hasRoom: boolean;
  readonly waiting: number;
  readonly keys: number;
  readonly temperatureC: number | null;
  readonly memoryAvailableBytes: number | null;
  readonly slots: Reported['slots'];
  readonly runnerPids: readonly (number | undefined)[];
};

const hotC = 80;
const littleMemoryBytes = 48 * 2 ** 20;

/** Pure. */
export function selfCheck(facts: SelfCheckFacts): Check[] {
  const { temperatureC, memoryAvailableBytes, waiting, keys } = facts;
  return [
    check('clock', facts.isClockRight, ['synchronised', 'not synchronised: orders that expire wait'], {
      hint: 'timedatectl status; a site without internet needs a time server of its own',
    }),
    check('disk', facts.hasRoom, ['has room', 'nearly full: telemetry is dropped'], { hint: 'df -h' }),
    check('outbox', true, [`${waiting} messages wait for the broker`, '']),
    check('operators', keys > 0, [`${keys} keys are obeyed`, 'no key is pinned: no order is obeyed'], {
      hint: 'octet fleet keys --public, then operatorKeys in the configuration',
    }),
    check(
      'temperature',
      (temperatureC ?? 0) < hotC,
      [temperatureC === null ? 'no sensor' : `${temperatureC} °C`, `${temperatureC} °C: the processor slows down`],
      { hint: 'Give it air or a heat sink.' },
    ),
    check(
      'memory',
      (memoryAvailableBytes ?? Number.POSITIVE_INFINITY) > littleMemoryBytes,
      [mebibytes(memoryAvailableBytes), `${mebibytes(memoryAvailableBytes)}: a model switch may fail`],
      { hint: 'ps aux --sort -rss | head' },
    ),
    ...facts.slots.map((slot, at) => slotCheck(slot, facts.runnerPids[at])),
  ];
}

function slotCheck({ slot, state, active, error }: Reported['slots'][number], pid: number | undefined): Check {
  const name = `slot ${slot}`;
  if (active === null) return { name, isOk: false, text: `nothing runs (${state})`, ...hintOf(error) };
  const what = `${active.model} ${active.version} as ${active.variant}, ${state}`;
  if (pid === undefined) return { name, isOk: false, text: `${what}, but its runner is not there`, ...hintOf(error) };
  return { name, isOk: error === null, text: error ? `${what}: ${error.message}` : what, ...hintOf(error) };
}

function check(
  name: string,
  isOk: boolean,
  [good, bad]: readonly [string, string],
  { hint }: { hint?: string } = {},
): Check {
  return { name, isOk, text: isOk ? good : bad, ...(isOk || hint === undefined ? {} : { hint }) };
}

function hintOf(error: { hint?: string | undefined } | null): { hint?: string } {
  return error?.hint === undefined ? {} : { hint: error.hint };
}

function mebibytes(bytes: number | null): string {
  return bytes === null ? 'unknown' : `${Math.round(bytes / 2 ** 20)} MiB available`;
}
