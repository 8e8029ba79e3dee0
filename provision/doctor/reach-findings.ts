/** What an address that does not answer means, and what to do about it. */
import { bad, type Finding, good, poor } from './finding.ts';
import { reach, type TlsFiles } from './reach.ts';

/** By the reason's text; the first that fits. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'The name is not known here: check it, and the name server (resolvectl status).'],
  [/ECONNREFUSED/, 'Nobody listens there: is the broker running (systemctl status mosquitto), and on this port?'],
  [
    /no answer|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/,
    'The network does not reach it: ip route; ping; a firewall in between.',
  ],
  [
    /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET_ISSUER/,
    'Its certificate is from another authority than caFile: copy the bundle again, or it is another broker.',
  ],
  [/CERT_HAS_EXPIRED|NOT_YET_VALID/, "Its certificate is out of date, or this device's clock is: timedatectl status"],
  [
    /ALTNAME/,
    'Its certificate is for other names: octet provision broker --host NAME, with the name that devices use.',
  ],
  [
    /ALERT|ECONNRESET|SSL/,
    'It refuses our certificate: expired, taken back, or of another site. octet provision ls tells.',
  ],
];

export async function brokerFinding(url: string, tls: TlsFiles): Promise<Finding> {
  const reason = await reach(new URL(url), tls);
  if (reason === undefined) return good('broker', `${url} answers`);
  return bad('broker', `${url}: ${reason}`, adviceOn(reason));
}

/** Without the repository the device goes on with what it has. */
export async function repositoryFinding(url: string): Promise<Finding> {
  if (url.startsWith('file:')) return good('repository', url);
  const reason = await reach(new URL(url), {});
  if (reason === undefined) return good('repository', `${url} answers`);
  return poor('repository', `${url}: ${reason}`, adviceOn(reason));
}

function adviceOn(reason: string): string {
  return (
    meanings.find(([sign]) => sign.test(reason))?.[1] ?? 'Try the same by hand: openssl s_client -connect HOST:PORT'
  );
}
