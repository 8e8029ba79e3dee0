/**
 * A walk over protobuf's wire format before decoding: every length stays inside its parent, every known field has the
 * wire type its schema says. The decoder checks neither, so that a damaged file could decode into a different model.
 */
import type { DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';

/** Nesting that no exporter reaches; protobuf implementations stop here too. */
const maxDepth = 100;

/** The first fault as `expected …, got …` with its path (`graph.node`) and byte offset; undefined when there is none. */
export function findWireFault(schema: DescMessage, bytes: Uint8Array): string | undefined {
  const walk: Walk = { bytes, at: 0, tables: new Map() };
  try {
    walkMessage(walk, schema, bytes.byteLength, []);
    return undefined;
  } catch (error) {
    if (error instanceof WireFault) return error.message;
    throw error;
  }
}

type Walk = {
  readonly bytes: Uint8Array;
  /** Where it stands. */
  at: number;
  /** Fields by number of the messages met so far. */
  readonly tables: Map<DescMessage, ReadonlyMap<number, DescField>>;
};

/** Carries the finding out of the recursion; never leaves this file. */
class WireFault extends Error {}

function walkMessage(walk: Walk, schema: DescMessage, end: number, path: readonly string[]): void {
  if (path.length > maxDepth) throw fault(walk, path, `more than ${maxDepth} levels of nesting`);
  const fields = fieldsOf(walk, schema);
  while (walk.at < end) {
    const tag = readVarint(walk, end, path);
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    const field = fields.get(number);
    if (number === 0) throw fault(walk, path, 'field number 0 (damaged data)');
    if (field && !allowedWireTypes(field).includes(wireType))
      throw fault(walk, [...path, field.name], `wire type ${wireType} (damaged data)`);
    walkValue(walk, wireType, field, end, field ? [...path, field.name] : path);
  }
}

function walkValue(
  walk: Walk,
  wireType: number,
  field: DescField | undefined,
  end: number,
  path: readonly string[],
): void {
  switch (wireType) {
    case WireType.Varint:
      readVarint(walk, end, path);
      return;
    case WireType.Bit64:
      skip(walk, 8, end, path);
      return;
    case WireType.Bit32:
      skip(walk, 4, end, path);
      return;
    case WireType.LengthDelimited:
      walkDelimited(walk, field, end, path);
      return;
    default:
      // ONNX has no groups, and nothing has written any for a decade.
      throw fault(walk, path, `wire type ${wireType} (damaged data)`);
  }
}

function walkDelimited(walk: Walk, field: DescField | undefined, end: number, path: readonly string[]): void {
  const length = readVarint(walk, end, path);
  const { at } = walk;
  if (field?.message && at + length <= end) {
    walkMessage(walk, field.message, at + length, path);
    return;
  }
  skip(walk, length, end, path);
  if (field && isPackable(field)) checkPacked(walk, field, at, path);
}

/** The elements of a packed list must end exactly where the list ends. */
function checkPacked(walk: Walk, field: DescField, start: number, path: readonly string[]): void {
  const end = walk.at;
  const inner: Walk = { ...walk, at: start };
  const element = elementWireType(field);
  while (inner.at < end) walkValue(inner, element, undefined, end, path);
}

function skip(walk: Walk, length: number, end: number, path: readonly string[]): void {
  if (walk.at + length > end) throw fault(walk, path, `${length} bytes announced but only ${end - walk.at} left`);
  walk.at += length;
}

/** Exact up to 2^53, which is all a tag or a length can need; longer ones are only stepped over. */
function readVarint(walk: Walk, end: number, path: readonly string[]): number {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    if (walk.at >= end) throw fault(walk, path, 'the end of the data in the middle of a number');
    const byte = walk.bytes[walk.at++] as number;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw fault(walk, path, 'a number longer than 10 bytes (damaged data)');
}

function fault({ at }: Walk, path: readonly string[], got: string): WireFault {
  return new WireFault(`${got} at byte ${at}${path.length > 0 ? ` in ${path.join('.')}` : ''}`);
}

function fieldsOf({ tables }: Walk, schema: DescMessage): ReadonlyMap<number, DescField> {
  const known = tables.get(schema);
  if (known) return known;
  const table = new Map(schema.fields.map((field) => [field.number, field]));
  tables.set(schema, table);
  return table;
}

function allowedWireTypes(field: DescField): readonly number[] {
  const element = elementWireType(field);
  return isPackable(field) ? [element, WireType.LengthDelimited] : [element];
}

function isPackable(field: DescField): boolean {
  return field.fieldKind === 'list' && elementWireType(field) !== WireType.LengthDelimited;
}

/** Scalars that are not varints; the rest of the scalar types are. */
const scalarWireTypes: ReadonlyMap<ScalarType, WireType> = new Map([
  [ScalarType.FLOAT, WireType.Bit32],
  [ScalarType.FIXED32, WireType.Bit32],
  [ScalarType.SFIXED32, WireType.Bit32],
  [ScalarType.DOUBLE, WireType.Bit64],
  [ScalarType.FIXED64, WireType.Bit64],
  [ScalarType.SFIXED64, WireType.Bit64],
  [ScalarType.STRING, WireType.LengthDelimited],
  [ScalarType.BYTES, WireType.LengthDelimited],
]);

function elementWireType({ message, scalar }: DescField): WireType {
  if (message) return WireType.LengthDelimited;
  return (scalar !== undefined && scalarWireTypes.get(scalar)) || WireType.Varint;
}
