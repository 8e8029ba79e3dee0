/**
 * A device of the Linux Industrial I/O subsystem as its files describe it (kernel: Documentation/ABI/testing/sysfs-bus-iio): which channels it
 * has, what a raw number means, and how its buffer is laid out. `value = (raw + offset) · scale`, in the ABI's units.
 */
import { OctetError } from '../../base/errors.ts';
import type { Readings } from '../../hardware/readings.ts';

export type IioSpec = {
  readonly kind: 'iio';
  /** The device's name, `lsm6dsl_accel`, or its folder, `iio:device0`. */
  readonly device: string;
  /** The device's channels in the pipeline's order: `accel_x`, `anglvel_z`, `voltage0`. */
  readonly channels: readonly string[];
  /** Multiplies every value: the ABI gives m/s² and rad/s, milli-units for some; 0.10197 makes g of m/s². Default 1. */
  readonly multiply?: number;
};

export type IioChannel = {
  /** `accel_x` */
  readonly name: string;
  readonly scale: number;
  readonly offset: number;
  /** Where it lies in a buffer's record; undefined for a channel that can only be polled. */
  readonly scan: ScanElement | undefined;
};

/** `le:s12/16>>4`: little-endian, signed, 12 bits of 16, shifted right by 4. */
export type ScanElement = {
  readonly index: number;
  readonly isLittleEndian: boolean;
  readonly isSigned: boolean;
  readonly bits: number;
  readonly storageBits: number;
  readonly shift: number;
};

export type IioDevice = {
  /** `/sys/bus/iio/devices/iio:device0` */
  readonly folder: string;
  /** `/dev/iio:device0` */
  readonly node: string;
  readonly channels: readonly IioChannel[];
};

const devicesFolder = '/sys/bus/iio/devices';

/** @throws SOURCE_FAILED with the devices, or the channels, that there are. */
export function findIioDevice({ device, channels }: IioSpec, readings: Readings): IioDevice {
  const folders = readings.names(devicesFolder).filter((name) => name.startsWith('iio:device'));
  const nameOf = (folder: string) => readings.text(`${devicesFolder}/${folder}/name`);
  const found = folders.find((folder) => folder === device || nameOf(folder) === device);
  if (found === undefined)
    throw notFound(
      `device ${device}`,
      folders.map((folder) => `${folder} (${nameOf(folder) ?? 'no name'})`),
      device,
    );
  const folder = `${devicesFolder}/${found}`;
  return {
    folder,
    node: `/dev/${found}`,
    channels: channels.map((name) => readChannel(folder, name, readings)),
  };
}

function readChannel(folder: string, name: string, readings: Readings): IioChannel {
  const names = channelNames(folder, readings);
  if (!names.includes(name)) throw notFound(`channel ${name} of ${folder}`, names, name);
  const shared = name.replace(/(_[xyz]|\d+)$/, '');
  const numberOf = (what: string, otherwise: number) =>
    readings.number(`${folder}/in_${name}_${what}`) ?? readings.number(`${folder}/in_${shared}_${what}`) ?? otherwise;
  return { name, scale: numberOf('scale', 1), offset: numberOf('offset', 0), scan: readScan(folder, name, readings) };
}

function channelNames(folder: string, readings: Readings): string[] {
  return readings.names(folder).flatMap((file) => /^in_(.+)_(raw|input)$/.exec(file)?.[1] ?? []);
}

function readScan(folder: string, name: string, readings: Readings): ScanElement | undefined {
  const elements = `${folder}/scan_elements/in_${name}`;
  const index = readings.number(`${elements}_index`);
  const type = /^(le|be):([su])(\d+)\/(\d+)(?:>>(\d+))?$/.exec(readings.text(`${elements}_type`) ?? '');
  if (index === undefined || type === null) return undefined;
  const [, endian, sign, bits, storageBits, shift = '0'] = type;
  return {
    index,
    isLittleEndian: endian === 'le',
    isSigned: sign === 's',
    bits: Number(bits),
    storageBits: Number(storageBits),
    shift: Number(shift),
  };
}

function notFound(what: string, there: readonly string[], asked: string): OctetError {
  return new OctetError(
    'SOURCE_FAILED',
    `source iio ${asked}: expected ${what}, got ${there.length === 0 ? 'none at all' : there.join(', ')}`,
    {
      hint: `Look at ${devicesFolder}/*/name and at the in_*_raw files beside it. A missing device lacks its driver or overlay.`,
    },
  );
}
