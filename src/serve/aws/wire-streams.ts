import type { NamedField } from '../../core/field-types.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { PutEntry, PutOutcome } from '../../ingest/puts.ts';
import type { ReadTurns } from '../../stream/read-turns.ts';
import type {
  AttributeStore,
  DeliveryAttributes,
  StreamAttributes,
} from '../../stream/stream-attributes.ts';
import type { StreamLog } from '../../stream/stream-store.ts';

/** A stream as programs see it that speak Kinesis or Firehose. */
export interface WireStream {
  readonly name: string;
  /** Of the runtime of now: it is asked for again for each request. */
  readonly log: StreamLog;
  /** False for streams that programs made: their records are bytes of any kind. */
  readonly isDefined: boolean;
  /** The field whose value is the partition key of records that were given none. */
  readonly key: NamedField | undefined;
  readonly retentionMs: number;
  readonly attributes: StreamAttributes;
  put(entries: readonly PutEntry[], producer: string | undefined): Promise<readonly PutOutcome[]>;
}

export type DescribedStream = Pick<WireStream, 'name' | 'isDefined' | 'attributes'>;

export interface NewStream {
  readonly shards: number;
  readonly mode: StreamAttributes['mode'];
  readonly maxRecordKiB: number;
  readonly tags: { readonly [key: string]: string };
}

/** All streams, defined and made, and what is said of them. */
export interface WireStreams {
  readonly files: FileSystem;
  readonly turns: ReadTurns;
  readonly deliveries: AttributeStore<DeliveryAttributes>;
  /** In their order. */
  names(): Promise<readonly string[]>;
  find(name: string): Promise<WireStream | undefined>;
  /** What is said of it, whether or not its log can be opened. */
  describe(name: string): Promise<DescribedStream | undefined>;
  /** Makes a stream of any bytes; false where the name is taken. */
  create(name: string, stream: NewStream): Promise<boolean>;
  /** Removes one that was made, with its records. */
  remove(name: string): Promise<void>;
  /** Of two changes at once the second one sees the first. */
  changeAttributes(
    name: string,
    change: (now: StreamAttributes) => Partial<StreamAttributes>,
  ): Promise<void>;
  /** Of one that was made. */
  setRetention(name: string, hours: number): Promise<void>;
}
