/** The device judges itself, in one answer: the table of warnings row by row, then its slots and whose orders it obeys. Pure. */
import type { Shown } from '../health/assess.ts';
import { type WarningCode, warnings } from '../health/warnings.ts';
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
  /** What is wrong, after its delay. */
  readonly shown: readonly Shown[];
  /** Messages that wait for the broker. */
  readonly waiting: number;
  readonly keys: number;
  readonly slots: Reported['slots'];
  readonly runnerPids: readonly (number | undefined)[];
};

const hints: Readonly<Partial<Record<WarningCode, string>>> = {
  'disk-nearly-full': 'df -h',
  'clock-not-set': 'timedatectl status; a site without internet needs a time server of its own',
  'little-memory': 'ps aux --sort -rss | head',
  'held-back': 'Give it air, a heat sink, a stronger power supply: vcgencmd get_throttled',
  'runner-crashes': 'octet fleet logs DEVICE',
  'no-decisions': "Look at the sensor's program: octet fleet logs DEVICE",
};

export function selfCheck({ shown, waiting, keys, slots, runnerPids }: SelfCheckFacts): Check[] {
  const rows = (Object.keys(warnings) as WarningCode[]).map((code): Check => {
    const found = shown.find((one) => one.code === code);
    if (found === undefined) return { name: code, isOk: true, text: 'no' };
    return { name: code, isOk: false, text: found.text, ...(hints[code] ? { hint: hints[code] } : {}) };
  });
  return [
    ...rows,
    { name: 'outbox', isOk: true, text: `${waiting} messages wait for the broker` },
    operatorsCheck(keys),
    ...slots.map((slot, at) => slotCheck(slot, runnerPids[at])),
  ];
}

function operatorsCheck(keys: number): Check {
  const name = 'operators';
  if (keys > 0) return { name, isOk: true, text: `${keys} keys are obeyed` };
  const hint = 'octet fleet keys NAME, then orders.operatorKeys in the configuration';
  return { name, isOk: false, text: 'no key is pinned: no order is obeyed', hint };
}

function slotCheck({ slot, state, active, error }: Reported['slots'][number], pid: number | undefined): Check {
  const name = `slot ${slot}`;
  const hint = error?.hint === undefined ? {} : { hint: error.hint };
  if (active === null) return { name, isOk: false, text: `nothing runs (${state})`, ...hint };
  const what = `${active.model} ${active.version} as ${active.variant}, ${state}`;
  if (pid === undefined) return { name, isOk: false, text: `${what}, but its runner is not there`, ...hint };
  return { name, isOk: error === null, text: error ? `${what}: ${error.message}` : what, ...hint };
}
