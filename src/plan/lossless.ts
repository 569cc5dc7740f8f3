import type { FieldType } from '../core/field-types.ts';

/** Digits that a value of the type may need. */
const INT_DIGITS = 10;
const LONG_DIGITS = 19;

/** Whether each value of `from` is the same value as `to`, so that a cast between them changes nothing. */
export function fitsWithoutLoss(from: FieldType, to: FieldType): boolean {
  switch (from.kind) {
    case 'int':
      return (
        to.kind === 'int' || to.kind === 'long' || to.kind === 'double' || hasDigits(to, INT_DIGITS)
      );
    case 'long':
      return to.kind === 'long' || hasDigits(to, LONG_DIGITS);
    case 'float':
      return to.kind === 'float' || to.kind === 'double';
    case 'date':
      return to.kind === 'date' || to.kind === 'timestamp';
    case 'decimal':
      return (
        to.kind === 'decimal' &&
        to.scale >= from.scale &&
        to.precision - to.scale >= from.precision - from.scale
      );
    case 'list':
      return to.kind === 'list' && fitsWithoutLoss(from.element.type, to.element.type);
    case 'map':
      return (
        to.kind === 'map' &&
        fitsWithoutLoss(from.key.type, to.key.type) &&
        fitsWithoutLoss(from.value.type, to.value.type)
      );
    case 'struct':
      return (
        to.kind === 'struct' &&
        from.fields.length === to.fields.length &&
        from.fields.every((part, index) => {
          const same = to.fields[index];
          return same?.name === part.name && fitsWithoutLoss(part.type, same.type);
        })
      );
    default:
      return from.kind === to.kind;
  }
}

function hasDigits(to: FieldType, digits: number): boolean {
  return to.kind === 'decimal' && to.precision - to.scale >= digits;
}
