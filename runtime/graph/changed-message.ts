/** Copy-on-write for protobuf messages, which know more than our records say (unknown fields, presence of a field). */
import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';

/** `source` itself when nothing differs, otherwise a copy, unknown fields included, with the differences. */
export function changed<S extends DescMessage>(
  schema: S,
  source: MessageShape<S>,
  fields: Partial<MessageShape<S>>,
): MessageShape<S> {
  const differing = Object.entries(fields).filter(([name, value]) => Reflect.get(source, name) !== value);
  if (differing.length === 0) return source;
  return Object.assign(create(schema), source, Object.fromEntries(differing));
}

/** `before` itself when `after` holds the same elements, so that an untouched list does not count as a difference. */
export function sameList<T>(after: readonly T[], before: T[]): T[] {
  const isSame = after.length === before.length && after.every((element, index) => element === before[index]);
  return isSame ? before : [...after];
}
