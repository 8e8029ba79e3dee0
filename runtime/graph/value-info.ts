/** Types and shapes of values: `ValueInfo` ↔ protobuf message. */
import { create } from '@bufbuild/protobuf';
import {
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  type TypeProto,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { changed } from './changed-message.ts';
import type { Dim, ValueInfo } from './model.ts';
import { type ElementType, elementTypeOf, elementTypes } from './tensor.ts';

export function valueInfoFromMessage(source: ValueInfoProto): ValueInfo {
  return { name: source.name, ...stated(source), source };
}

export function valueInfoToMessage({ name, type, dims, source }: ValueInfo): ValueInfoProto {
  const renamed = changed(ValueInfoProtoSchema, source, { name });
  const before = stated(source);
  if (type === undefined || (type === before.type && String(dims?.map(dimKey)) === String(before.dims?.map(dimKey))))
    return renamed;
  return changed(ValueInfoProtoSchema, renamed, { type: typeMessage(type, dims) });
}

function stated({ type }: ValueInfoProto): Pick<ValueInfo, 'type' | 'dims'> {
  if (type?.value.case !== 'tensorType') return { type: undefined, dims: undefined };
  const { elemType, shape } = type.value.value;
  return { type: elementTypeOf(elemType), dims: shape?.dim.map(dimFromMessage) };
}

function dimFromMessage({ value }: TensorShapeProto_Dimension): Dim {
  if (value.case === 'dimValue') return Number(value.value);
  return value.case === 'dimParam' ? value.value : null;
}

function dimKey(dim: Dim): string {
  return JSON.stringify(dim);
}

function typeMessage(type: ElementType, dims: readonly Dim[] | undefined): TypeProto {
  const shape = dims && create(TensorShapeProtoSchema, { dim: dims.map(dimMessage) });
  const tensor = create(TypeProto_TensorSchema, { elemType: elementTypes[type].onnx, ...(shape ? { shape } : {}) });
  return create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
}

function dimMessage(dim: Dim): TensorShapeProto_Dimension {
  if (dim === null) return create(TensorShapeProto_DimensionSchema);
  const value =
    typeof dim === 'number'
      ? ({ case: 'dimValue', value: BigInt(dim) } as const)
      : ({ case: 'dimParam', value: dim } as const);
  return create(TensorShapeProto_DimensionSchema, { value });
}
