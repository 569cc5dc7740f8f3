/** The largest record of streams of which nothing else is said, as Kinesis has it. */
export const DEFAULT_RECORD_KIB = 1024;

/** What is said of a stream beside what its log says, by programs that speak Kinesis. */
export interface StreamAttributes {
  readonly createdMs: number;
  readonly mode: 'PROVISIONED' | 'ON_DEMAND';
  /** The largest record that is taken. */
  readonly maxRecordKiB: number;
  readonly tags: { readonly [key: string]: string };
  /** Those registered for enhanced fan-out. */
  readonly consumers: readonly StreamConsumerAttributes[];
  /** Of a stream that no definition describes; undefined for others, where the definition says it. */
  readonly created?: { readonly shards: number; readonly retentionHours: number };
}

export interface StreamConsumerAttributes {
  readonly name: string;
  readonly createdMs: number;
}

/** What is said of a delivery stream by programs that speak Firehose. */
export interface DeliveryAttributes {
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly type: string;
  /** The stream that feeds it, where it is not put into. */
  readonly sourceArn?: string;
  /** The destination, as the program gave it. */
  readonly destination: { readonly [name: string]: unknown };
  readonly version: number;
  /** A stream was made for it, which goes with it. */
  readonly hasOwnStream: boolean;
  readonly tags: { readonly [key: string]: string };
}

/** Attributes by the name of their stream, on disk when a promise resolves. */
export interface AttributeStore<T> {
  get(name: string): T | undefined;
  /** In the order of the names. */
  names(): readonly string[];
  /** Made of those that are known when its turn has come; undefined removes them. */
  change(name: string, change: (known: T | undefined) => T | undefined): Promise<void>;
}
