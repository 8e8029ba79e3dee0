/** Writes .npy and .npz bytes for tests, right and deliberately wrong ones. */
import { crc32, deflateRawSync } from 'node:zlib';

type Header = {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly fortranOrder?: boolean;
  readonly version?: 1 | 2 | 3;
};

export function npyBytes({ descr, shape, fortranOrder = false, version = 1 }: Header, data: NodeJS.TypedArray): Buffer {
  const sizes = shape.map((size) => `${size},`).join(' ');
  const order = fortranOrder ? 'True' : 'False';
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${sizes}), }\n`;
  const start = Buffer.alloc(version === 1 ? 10 : 12);
  start.write('\x93NUMPY', 'latin1');
  start.writeUInt8(version, 6);
  if (version === 1) start.writeUInt16LE(header.length, 8);
  else start.writeUInt32LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

export function float32Npy(shape: readonly number[], values: Iterable<number>): Buffer {
  return npyBytes({ descr: '<f4', shape }, Float32Array.from(values));
}

export function int64Npy(values: readonly number[]): Buffer {
  return npyBytes({ descr: '<i8', shape: [values.length] }, BigInt64Array.from(values, BigInt));
}

/** @param deflate else the entries are stored. */
export function zipBytes(entries: Readonly<Record<string, Buffer>>, deflate = false): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(entries)) {
    const packed = deflate ? deflateRawSync(bytes) : bytes;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(deflate ? 8 : 0, 10);
    central.writeUInt32LE(crc32(bytes), 16);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(bytes.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    bodies.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += local.length + name.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(entries).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, central, end]);
}
