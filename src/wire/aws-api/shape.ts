import type { Blob } from '../blob.ts';

/**
 * What an operation of AWS takes, as its service model says (botocore's service-2.json). Members that are not named
 * are ignored: AWS adds some every year.
 */
export type Shape =
  | StringShape
  | NumberShape
  | { readonly type: 'boolean' }
  | { readonly type: 'timestamp' }
  | BlobShape
  | ListShape
  | MapShape
  | StructureShape;

export interface StringShape {
  readonly type: 'string';
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly values?: readonly string[];
}

export interface NumberShape {
  readonly type: 'integer' | 'long';
  readonly min?: number;
  readonly max?: number;
}

export interface BlobShape {
  readonly type: 'blob';
  readonly max?: number;
}

export interface ListShape {
  readonly type: 'list';
  readonly of: Shape;
  readonly min?: number;
  readonly max?: number;
}

export interface MapShape {
  readonly type: 'map';
  readonly key: StringShape;
  readonly of: StringShape;
  readonly min?: number;
  readonly max?: number;
}

export interface StructureShape {
  readonly type: 'structure';
  readonly required: { readonly [name: string]: Shape };
  readonly optional: { readonly [name: string]: Shape };
}

/** What a value of a shape is once it was parsed; timestamps are epoch milliseconds. */
export type ValueOf<S extends Shape> = S extends { type: 'string' }
  ? string
  : S extends { type: 'integer' | 'long' | 'timestamp' }
    ? number
    : S extends { type: 'boolean' }
      ? boolean
      : S extends { type: 'blob' }
        ? Blob
        : S extends { type: 'list'; of: infer Of extends Shape }
          ? readonly ValueOf<Of>[]
          : S extends { type: 'map' }
            ? { readonly [key: string]: string }
            : S extends {
                  type: 'structure';
                  required: infer Required extends { readonly [name: string]: Shape };
                  optional: infer Optional extends { readonly [name: string]: Shape };
                }
              ? { readonly [Name in keyof Required]: ValueOf<Required[Name]> } & {
                  readonly [Name in keyof Optional]?: ValueOf<Optional[Name]>;
                }
              : never;

type Members = { readonly [name: string]: Shape };

export function structure<
  const Required extends Members,
  const Optional extends Members = Record<never, never>,
>(
  required: Required,
  optional: Optional = {} as Optional,
): { readonly type: 'structure'; readonly required: Required; readonly optional: Optional } {
  return { type: 'structure', required, optional };
}
