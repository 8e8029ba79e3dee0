/** Which MQTT version to try next: 5 first, 3.1.1 for a broker that does not know 5. Pure. */
import type { ConnectFailure, MqttVersion } from './connect-once.ts';

/** CONNACK codes that mean "not this version": 0x01 (MQTT 3.1.1 §3.2.2.3), 0x84, 0x81 and 0x82 (MQTT 5 §3.2.2.2). */
const versionRefusals = [0x01, 0x81, 0x82, 0x84];

/** The version of the next attempt, and whether it is worth trying at once. */
export function nextVersion(
  version: MqttVersion,
  { kind, reasonCode }: Pick<ConnectFailure, 'kind' | 'reasonCode'>,
): { version: MqttVersion; isFallback: boolean } {
  // A broker of the older version may also just hang up, or answer what a version 5 client cannot read.
  const isAboutVersion = kind === 'no answer' || (reasonCode !== undefined && versionRefusals.includes(reasonCode));
  if (!isAboutVersion) return { version, isFallback: false };
  return version === 5 ? { version: 4, isFallback: true } : { version: 5, isFallback: false };
}
