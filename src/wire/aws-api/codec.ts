import { isAscii } from 'node:buffer';
import { decode, encode } from 'cborg';
import { type Blob, blobBase64, blobLength } from '../blob.ts';
import { AwsError } from './aws-error.ts';
import { type WireForm, wrongType } from './parse-shape.ts';

/** How a service's inputs and outputs are written: `awsJson1_1` (smithy.io, AWS JSON 1.1 protocol), or the same in CBOR. */
export interface AwsCodec extends WireForm {
  readonly contentType: string;
  /** @throws AwsError SerializationException */
  decode(body: Buffer): unknown;
  encode(output: Output): Buffer;
}

/** What an operation answers; both forms write it as the service model says. */
export type Output =
  | string
  | number
  | boolean
  | undefined
  | Timestamp
  | BlobOutput
  | readonly Output[]
  | { readonly [name: string]: Output };

/** An instant: epoch seconds in JSON, epoch milliseconds in CBOR. */
export class Timestamp {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  toJSON(): number {
    return this.ms / 1000;
  }
}

export class BlobOutput {
  readonly blob: Blob;

  constructor(blob: Blob) {
    this.blob = blob;
  }

  toJSON(): string {
    return blobBase64(this.blob);
  }
}

/** Decoding is the fastest check of base64: what is left out of it makes the result shorter. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** What the end of a text may be whose last bits stand for nothing: they are zero (RFC 4648, 3.5). */
const CANONICAL_END = /(?:[AQgw]==|[AEIMQUYcgkosw048]=)$/;

function isBase64(text: string): boolean {
  if (text.length % 4 !== 0) return false;
  if (text.endsWith('=') && !CANONICAL_END.test(text.slice(-3))) return false;
  const bytes = blobLength(text);
  const target = bytes <= scratch.length ? scratch : Buffer.allocUnsafe(bytes);
  // Node decodes the alphabet of addresses as well.
  return target.write(text, 'base64') === bytes && !text.includes('-') && !text.includes('_');
}

export const JSON_CODEC: AwsCodec = {
  contentType: 'application/x-amz-json-1.1',
  timestampMs: 1000,
  blob: (value) => {
    if (typeof value !== 'string') throw wrongType(value, 'a Blob');
    if (!isBase64(value))
      throw new AwsError(
        'SerializationException',
        `'${value.slice(0, 100)}' can not be converted to a Blob: it is not base64 with padding`,
      );
    return value;
  },
  decode: (body) => {
    try {
      // Nearly all is base64: bytes that are characters need no decoding.
      return JSON.parse(body.toString(isAscii(body) ? 'latin1' : 'utf8')) as unknown;
    } catch (error) {
      throw unreadable('JSON', error);
    }
  },
  encode: (output) => Buffer.from(JSON.stringify(output)),
};

/** RFC 8949, 3.4.2: what AWS's encoders write in front of an instant. */
const EPOCH_TAG = 1;

export const CBOR_CODEC: AwsCodec = {
  contentType: 'application/x-amz-cbor-1.1',
  timestampMs: 1,
  blob: (value) => {
    if (value instanceof Uint8Array) return value;
    throw wrongType(value, 'a Blob');
  },
  decode: (body) => {
    try {
      return decode(body, { tags: { [EPOCH_TAG]: (content) => content() } });
    } catch (error) {
      throw unreadable('CBOR', error);
    }
  },
  encode: (output) => Buffer.from(encode(plain(output))),
};

/** @param contentType of the request */
export function codecOf(contentType: string | undefined): AwsCodec {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  return type === CBOR_CODEC.contentType ? CBOR_CODEC : JSON_CODEC;
}

/** As values that CBOR has; what is undefined is left out. */
function plain(output: Output): unknown {
  if (output instanceof Timestamp) return output.ms;
  if (output instanceof BlobOutput)
    return typeof output.blob === 'string' ? Buffer.from(output.blob, 'base64') : output.blob;
  if (Array.isArray(output)) return output.map((one: Output) => plain(one));
  if (typeof output !== 'object') return output;
  return Object.fromEntries(
    Object.entries(output)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, plain(value as Output)]),
  );
}

function unreadable(form: string, error: unknown): AwsError {
  return new AwsError(
    'SerializationException',
    `The body is not ${form}: ${(error as Error).message.slice(0, 200)}`,
  );
}
