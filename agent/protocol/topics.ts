/** The topics of protocol `octet/1`. Depth and direction are fixed, so that a broker's access rules are a few lines. */

const prefix = 'octet/1';

/** Device, group and operator ids: no wildcard, no separator. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

export const topics = {
  status: (device: string) => `${prefix}/d/${device}/up/status`,
  info: (device: string) => `${prefix}/d/${device}/up/info`,
  reported: (device: string) => `${prefix}/d/${device}/up/reported`,
  telemetry: (device: string, stream: string) => `${prefix}/d/${device}/up/t/${stream}`,
  event: (device: string, type: string) => `${prefix}/d/${device}/up/ev/${type}`,
  bench: (device: string, model: string, variant: string) => `${prefix}/d/${device}/up/bench/${model}/${variant}`,
  jobState: (device: string, job: string) => `${prefix}/d/${device}/up/job/${job}`,
  log: (device: string, job: string) => `${prefix}/d/${device}/up/log/${job}`,
  desired: (device: string) => `${prefix}/d/${device}/down/desired`,
  job: (device: string, job: string) => `${prefix}/d/${device}/down/job/${job}`,
  request: (device: string, name: string) => `${prefix}/d/${device}/down/req/${name}`,
  reply: (operator: string, device: string) => `${prefix}/o/${operator}/rsp/${device}`,
  /** Everything a device is told. */
  everythingTo: (device: string) => `${prefix}/d/${device}/down/#`,
  /** Everything a device says; `+` for every device. */
  everythingFrom: (device: string) => `${prefix}/d/${device}/up/#`,
  /** Every answer to an operator. */
  repliesTo: (operator: string) => `${prefix}/o/${operator}/rsp/+`,
} as const;

/** A topic that a device is subscribed to, taken apart. */
export type DownTopic =
  | { readonly kind: 'desired' }
  | { readonly kind: 'job'; readonly id: string }
  | { readonly kind: 'request'; readonly name: string };

/** @returns undefined for what no order to `device` may come under: nothing is guessed from a topic. */
export function readDownTopic(topic: string, device: string): DownTopic | undefined {
  const parts = topic.split('/');
  const [octet, version, d, id, down, kind, name, ...rest] = parts;
  if (`${octet}/${version}` !== prefix || d !== 'd' || id !== device || down !== 'down' || rest.length > 0)
    return undefined;
  if (kind === 'desired') return name === undefined ? { kind } : undefined;
  if (name === undefined || !idPattern.test(name)) return undefined;
  if (kind === 'job') return { kind, id: name };
  return kind === 'req' ? { kind: 'request', name } : undefined;
}

/** A topic that a device speaks under, taken apart. */
export type UpTopic = { readonly device: string; readonly kind: string; readonly rest: readonly string[] };

export function readUpTopic(topic: string): UpTopic | undefined {
  const [octet, version, d, device, up, kind, ...rest] = topic.split('/');
  const isOurs = `${octet}/${version}` === prefix && d === 'd' && up === 'up';
  if (!isOurs || device === undefined || !idPattern.test(device) || kind === undefined) return undefined;
  return { device, kind, rest };
}

/** The device that answered under `topic`, if the answer is for `operator`. */
export function readReplyTopic(topic: string, operator: string): string | undefined {
  const start = topics.reply(operator, '');
  const device = topic.slice(start.length);
  return topic.startsWith(start) && idPattern.test(device) ? device : undefined;
}
