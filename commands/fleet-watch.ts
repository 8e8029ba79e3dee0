/** `octet fleet watch`: what devices say, as it comes; a line each, until it is interrupted. */
import pico from 'picocolors';
import type { DeviceState } from '../fleet/console/state.ts';
import { stateWord } from './fleet-lines.ts';
import type { FleetSession } from './fleet-session.ts';

type Said = { readonly device: string; readonly kind: string; readonly text: string; readonly body: unknown };

/** Resolves when the session is interrupted. */
export async function watchFleet({ view, signal }: FleetSession, isJson: boolean): Promise<void> {
  const seen = new Map<string, string>();
  const look = () => {
    const said = view.devices.flatMap((device) => [
      ...saidBy(device),
      ...view.jobsOf(device.id).map((job) => ({
        ...{ device: device.id, kind: `job ${job.job}`, body: job },
        text: `${stateWord(job.state)} ${pico.dim(`${job.job} ${job.detail}`)}${job.error ? ` ${job.error.code} ${job.error.message}` : ''}`,
      })),
    ]);
    for (const one of said) {
      const key = `${one.device} ${one.kind}`;
      if (seen.get(key) === one.text) continue;
      seen.set(key, one.text);
      process.stdout.write(isJson ? `${JSON.stringify(one)}\n` : lineOf(one));
    }
  };
  look();
  const end = view.onChange(look);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  end();
}

function saidBy({ id: device, status, reported, events }: DeviceState): Said[] {
  const event = events.at(-1);
  return [
    ...(status
      ? [{ device, kind: 'status', body: status, text: status.online ? pico.green('online') : pico.red('offline') }]
      : []),
    ...(reported?.slots ?? []).map((slot) => ({
      ...{ device, kind: `slot ${slot.slot}`, body: slot },
      text: `${slot.slot}: ${stateWord(slot.state)} ${slot.active ? `${slot.active.model} ${slot.active.version} as ${slot.active.variant}` : ''} ${pico.dim(slot.detail)}`,
    })),
    ...(event ? [{ device, kind: 'event', body: event, text: `${event.text} ${pico.dim(String(event.ts))}` }] : []),
  ];
}

function lineOf({ device, text }: Said): string {
  return `${pico.dim(new Date().toTimeString().slice(0, 8))} ${pico.bold(device)}  ${text}\n`;
}
