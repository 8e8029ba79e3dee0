/**
 * NumPy's .npy: a magic, a version, a header that is a Python dictionary, then the elements. Only what a model can take is
 * accepted (little-endian, C order); everything else is named and refused. Source: NumPy Enhancement Proposal 1.
 */
import { OctetError } from '../base/errors.ts';
import { type ElementType, elementCount, elementTypes, type Tensor } from '../graph/tensor.ts';
import { type ByteSource, byteSourceOfFile, fileSize } from './bytes.ts';

/** An array whose rows (slices along axis 0) are read one at a time. */
export type LazyArray = {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Row `index` as a tensor of its own: dims without axis 0. */
  row(index: number): Promise<Tensor>;
  /** Everything. */
  all(): Promise<Tensor>;
};

const elementTypeOfDescr = new Map<string, ElementType>(
  Object.entries({
    '<f2': 'float16',
    '<f4': 'float32',
    '<f8': 'float64',
    '|i1': 'int8',
    '|u1': 'uint8',
    '<i2': 'int16',
    '<u2': 'uint16',
    '<i4': 'int32',
    '<u4': 'uint32',
    '<i8': 'int64',
    '<u8': 'uint64',
    '|b1': 'bool',
  } as const),
);

/** @throws DATA_INVALID naming the file, what was expected and what was there. */
export async function openNpyFile(path: string): Promise<LazyArray> {
  return openNpy(byteSourceOfFile(path, 0, await fileSize(path)), path);
}

/**
 * @param where names the array in errors: a path, or `calibration.npz: x.npy`.
 * @throws DATA_INVALID
 */
export async function openNpy(source: ByteSource, where: string): Promise<LazyArray> {
  const { headerText, dataOffset } = await readHeader(source, where);
  const { type, dims } = parseHeader(headerText, where);
  const expectedBytes = elementCount(dims) * elementTypes[type].bytes;
  if (source.length - dataOffset !== expectedBytes)
    throw invalid(
      where,
      `expected ${expectedBytes} bytes of data for ${type} [${dims.join(', ')}], got ${source.length - dataOffset}`,
    );
  const read = async (offset: number, shape: readonly number[]): Promise<Tensor> => {
    const bytes = await source.read(dataOffset + offset, elementCount(shape) * elementTypes[type].bytes);
    return { type, dims: shape, data: elementsOf(type, bytes) };
  };
  const rowDims = dims.slice(1);
  const rowBytes = elementCount(rowDims) * elementTypes[type].bytes;
  return { type, dims, row: (index) => read(index * rowBytes, rowDims), all: () => read(0, dims) };
}

/** A copy, because a view would need an aligned offset and would let its user change the source. */
function elementsOf(type: ElementType, bytes: Uint8Array): Tensor['data'] {
  const copy = new Uint8Array(bytes);
  return new elementTypes[type].array(copy.buffer);
}

async function readHeader(source: ByteSource, where: string): Promise<{ headerText: string; dataOffset: number }> {
  const start = Buffer.from(await source.read(0, Math.min(12, source.length)));
  if (start.length < 12 || start.toString('latin1', 0, 6) !== '\x93NUMPY')
    throw invalid(where, `expected the magic of a .npy array, got ${JSON.stringify(start.toString('latin1', 0, 6))}`);
  const version = start.readUInt8(6);
  if (version < 1 || version > 3) throw invalid(where, `expected .npy version 1 to 3, got ${version}`);
  const headerOffset = version === 1 ? 10 : 12;
  const headerLength = version === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const dataOffset = headerOffset + headerLength;
  if (dataOffset > source.length)
    throw invalid(where, `expected a header of ${headerLength} bytes, got ${source.length - headerOffset}`);
  const header = Buffer.from(await source.read(headerOffset, headerLength));
  return { headerText: header.toString('utf8').trim(), dataOffset };
}

function parseHeader(text: string, where: string): { type: ElementType; dims: readonly number[] } {
  const descr = /'descr'\s*:\s*('([^']*)'|\[[^\]]*\])/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (!descr || order === undefined || shape === undefined)
    throw invalid(where, `expected a header with descr, fortran_order and shape, got ${JSON.stringify(text)}`);
  const type = elementTypeOfDescr.get(descr[2] ?? '');
  if (type === undefined)
    throw invalid(
      where,
      `expected element type ${[...elementTypeOfDescr.keys()].join(' ')}, got ${descr[1]}`,
      "Convert it before saving, for example: x.astype('<f4')",
    );
  const dims = shape.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (order === 'True' && dims.length > 1)
    throw invalid(where, 'expected C order, got Fortran order', 'Save it with numpy.ascontiguousarray(x).');
  return { type, dims };
}

function invalid(where: string, detail: string, hint = 'Write it again with numpy.save or numpy.savez.'): OctetError {
  return new OctetError('DATA_INVALID', `${where}: ${detail}`, { hint });
}
