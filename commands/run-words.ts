/** Sources and sinks as words of a command line: `iio:lsm6dsl:accel_x,accel_y`, `pipe:./log-it`. */
import { InvalidArgumentError } from 'commander';
import type { SinkSpec, SourceSpec } from '../runtime/infer/messages.ts';
import { pcmEncodings, type SampleFormat } from '../runtime/infer/sources/sample-format.ts';

export const formatNames = ['json', 'csv', 'frames', ...pcmEncodings] as const;

export type SourceWords = {
  readonly source: string;
  readonly format: (typeof formatNames)[number];
  readonly speed: number;
};

/** What names none of the live sources is a path: recordings to be replayed. */
export function sourceFrom({ source, speed, format }: SourceWords): SourceSpec {
  if (source === 'system') return { kind: 'system' };
  if (source.startsWith('command:'))
    return { kind: 'command', command: shellWords(source), format: formatFrom(format) };
  // A device's folder has a colon in its name: iio:iio:device0:accel_x.
  const [, device, channels] = /^iio:(.+):([^:]+)$/.exec(source) ?? [];
  if (device && channels) return { kind: 'iio', device, channels: channels.split(',') };
  return { kind: 'replay', recordings: [source], speed, loop: false };
}

function formatFrom(name: (typeof formatNames)[number]): SampleFormat {
  if (name === 'json' || name === 'csv' || name === 'frames') return { kind: name };
  return { kind: 'pcm', encoding: name };
}

export function addSink(text: string, sinks: SinkSpec[]): SinkSpec[] {
  const [kind, ...rest] = text.split(':');
  const target = rest.join(':');
  if (target !== '' && (kind === 'command' || kind === 'pipe')) return [...sinks, { kind, command: shellWords(text) }];
  if (target !== '' && (kind === 'file' || kind === 'socket')) return [...sinks, { kind, path: target }];
  throw new InvalidArgumentError(`expected file:PATH, socket:PATH, command:PROGRAM or pipe:PROGRAM, got ${text}`);
}

/** `command:a b | c` by the shell, because that is how it was typed. */
function shellWords(text: string): string[] {
  return ['/bin/sh', '-c', text.slice(text.indexOf(':') + 1)];
}

export function speedFrom(text: string): number {
  const speed = Number(text);
  if (Number.isFinite(speed) && speed >= 0 && text.trim() !== '') return speed;
  throw new InvalidArgumentError(`expected a number from 0 up, got ${text}`);
}
