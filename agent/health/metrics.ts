/**
 * Figures in Prometheus' text format (version 0.0.4), for whoever scrapes them on this device. Loopback only, and only when
 * the configuration names a port: a device listens on nothing by itself.
 */
import { createServer } from 'node:http';
import { OctetError, systemCodeOf } from '../../runtime/base/errors.ts';

export type Metric = {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly samples: readonly Sample[];
};

export type Sample = {
  readonly labels?: Readonly<Record<string, string>>;
  /** `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string;
  readonly value: number;
};

export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map((sample) => line(name, sample));
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
    })
    .join('');
}

function line(name: string, { labels = {}, suffix = '', value }: Sample): string {
  const escaped = (text: string) => text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n');
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}

/** @throws PORT_IN_USE. */
export async function serveMetrics(
  port: number,
  read: () => readonly Metric[],
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metricsText(read()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(portError(port, cause)));
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function portError(port: number, cause: unknown): OctetError {
  const got = systemCodeOf(cause) ?? String(cause);
  return new OctetError('PORT_IN_USE', `metrics.port: expected to listen on 127.0.0.1:${port}, got ${got}`, {
    hint: `Find who does (ss -ltnp 'sport = :${port}'), or give metrics.port another number.`,
    cause,
  });
}
