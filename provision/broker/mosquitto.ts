/**
 * mosquitto's files for a site: encrypted only, both sides known by certificate, and each client held to its own topics by the name in it
 * (mosquitto.conf(5)). They go beside Debian's own configuration, which keeps what it has (persistence, log).
 */
import { topics } from '../../agent/protocol/topics.ts';

export type BrokerSettings = {
  readonly port: number;
  /** Secure WebSocket, for the page in a browser; none when absent. */
  readonly webSocketPort?: number;
  /** Where the broker finds certificates and access rules: `/etc/mosquitto/octet`. */
  readonly folder: string;
};

/** A message of the protocol is 128 KiB at most; with its topic and properties it stays below this. */
const maxPacketBytes = 262_144;
/** What waits for a device that is away: a desired document and its jobs, not telemetry. */
const maxQueued = 1000;

export function mosquittoConfig({ port, webSocketPort, folder }: BrokerSettings): string {
  const listeners = [
    listener(port, 'mqtt', folder),
    ...(webSocketPort ? [listener(webSocketPort, 'websockets', folder)] : []),
  ];
  return `# Written by octet provision broker. Goes to /etc/mosquitto/conf.d/octet.conf
per_listener_settings false
allow_anonymous false
acl_file ${folder}/acl
max_packet_size ${maxPacketBytes}
max_queued_messages ${maxQueued}
# A device that never comes back does not fill the broker.
persistent_client_expiration 14d

${listeners.join('\n')}`;
}

function listener(port: number, protocol: 'mqtt' | 'websockets', folder: string): string {
  return `listener ${port}
protocol ${protocol}
cafile ${folder}/ca.pem
certfile ${folder}/broker.pem
keyfile ${folder}/broker.key
crlfile ${folder}/crl.pem
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
`;
}

/**
 * A device says what is its own and hears what is for it; an operator orders everyone and hears everyone, and gets answers only for itself.
 * `%u` is the certificate's common name.
 */
export function accessRules(operators: readonly string[]): string {
  const device = [
    ['write', topics.everythingFrom('%u')],
    ['read', topics.everythingTo('%u')],
    ['write', topics.reply('+', '%u')],
    // For devices that tell Home Assistant what there is.
    ['write', 'homeassistant/device/%u/config'],
    ['read', 'homeassistant/status'],
  ] as const;
  const operator = (name: string) => [
    `user ${name}`,
    `topic write ${topics.everythingTo('+')}`,
    `topic read ${topics.everythingFrom('+')}`,
    // What is desired already is what the next document is built upon.
    `topic read ${topics.desired('+')}`,
    `topic read ${topics.repliesTo(name)}`,
  ];
  return `${[
    '# Written by octet provision. Rules by certificate name; what is not allowed here is refused.',
    ...device.map(([access, topic]) => `pattern ${access} ${topic}`),
    ...operators.flatMap((name) => ['', ...operator(name)]),
  ].join('\n')}\n`;
}
