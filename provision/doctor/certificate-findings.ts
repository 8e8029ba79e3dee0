/** The certificate by which the device is known: whether it is still valid, its own, and its key's. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { bad, type Finding, good, poor } from './finding.ts';

export type CertificateFacts = {
  readonly device: string;
  /** PEM. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer | undefined;
  readonly wallMs: number;
};

const dayMs = 86_400_000;
const dueDays = 60;

export function certificateFindings(facts: CertificateFacts): Finding[] {
  const name = 'certificate';
  try {
    const certificate = new X509Certificate(facts.certificate);
    return [identity(certificate, facts), validity(certificate, facts.wallMs)];
  } catch (error) {
    return [
      bad(name, `no certificate: ${(error as Error).message}`, 'Copy the bundle of octet provision enrol again.'),
    ];
  }
}

function identity(certificate: X509Certificate, { device, key, ca }: CertificateFacts): Finding {
  const name = 'certificate';
  const again = 'Enrol the device again (octet provision enrol), or correct "device" in the configuration.';
  const subject = /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? 'nobody';
  if (subject !== device) return bad(name, `of ${subject}, while the device is ${device}`, again);
  if (!certificate.checkPrivateKey(createPrivateKey(key)))
    return bad(name, 'of another key than the one beside it', again);
  if (ca && !certificate.verify(new X509Certificate(ca).publicKey))
    return bad(name, 'not signed by the authority beside it', again);
  return good(name, `of ${subject}, signed by ${/CN=([^\n]*)/.exec(certificate.issuer)?.[1] ?? 'its authority'}`);
}

function validity(certificate: X509Certificate, wallMs: number): Finding {
  const name = 'certificate dates';
  const [from, until] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  if (wallMs < from)
    return bad(name, `valid only from ${day(from)}`, "This device's clock is behind: timedatectl status");
  if (wallMs > until) return bad(name, `expired on ${day(until)}`, 'Enrol the device again: octet provision enrol');
  const days = Math.floor((until - wallMs) / dayMs);
  return days < dueDays
    ? poor(name, `valid until ${day(until)}, ${days} days`, 'Enrol the device again in time: octet provision enrol')
    : good(name, `valid until ${day(until)}`);
}
