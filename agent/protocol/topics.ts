/** The topics of protocol `octet/1`. Depth and direction are fixed, so that a broker's access rules are two lines. */

const prefix = 'octet/1';

/** Device, group and operator ids: no wildcard, no separator. */
export const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

export const topics = {
  /** Retained; also the last will. */
  status: (device: string) => `${prefix}/d/${device}/up/status`,
  /** Retained: what the device is and what it understands. */
  info: (device: string) => `${prefix}/d/${device}/up/info`,
  /** Retained: what runs, and how far a deployment has come. */
  reported: (device: string) => `${prefix}/d/${device}/up/reported`,
  /** Batches of points with contiguous sequence numbers. */
  telemetry: (device: string, stream: string) => `${prefix}/d/${device}/up/t/${stream}`,
  event: (device: string, type: string) => `${prefix}/d/${device}/up/ev/${type}`,
  /** Retained: the record of one trial. */
  bench: (device: string, model: string, variant: string) => `${prefix}/d/${device}/up/bench/${model}/${variant}`,
  /** Everything a device is told. */
  everythingTo: (device: string) => `${prefix}/d/${device}/down/#`,
  /** Everything a device says. */
  everythingFrom: (device: string) => `${prefix}/d/${device}/up/#`,
} as const;
