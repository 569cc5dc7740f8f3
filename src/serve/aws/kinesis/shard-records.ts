import type { NamedField } from '../../../core/field-types.ts';
import type { FileSystem } from '../../../core/file-system.ts';
import { membersOf } from '../../../ingest/canonical-row.ts';
import type { OpaqueRecord } from '../../../ingest/opaque-puts.ts';
import { NOT_GIVEN, type PartitionKeys } from '../../../stream/partition-keys.ts';
import type { DamagedRecords, RecordSink } from '../../../stream/record-lines.ts';
import type { RunPlace } from '../../../stream/run-reader.ts';

/** A record as Kinesis gives it. */
export interface ShardRecord {
  readonly sequence: number;
  readonly timeMs: number;
  /** In base64. */
  readonly data: string;
  /** Undefined where the one that was given is damaged. */
  readonly partitionKey: string | undefined;
}

interface Taken {
  readonly sequence: number;
  readonly run: RunPlace;
  readonly data: string;
  /** Of a stream that a program made: it lies with the record. */
  readonly partitionKey: string | undefined;
}

/** Takes records of one shard from the log, as they were put. */
export class ShardRecords implements RecordSink {
  readonly #isDefined: boolean;
  readonly #key: NamedField | undefined;
  readonly #taken: Taken[] = [];
  readonly damage: DamagedRecords[] = [];
  #run: RunPlace | undefined;
  length = 0;

  constructor({ isDefined, key }: { isDefined: boolean; key: NamedField | undefined }) {
    this.#isDefined = isDefined;
    this.#key = key;
  }

  startRun(run: RunPlace): void {
    this.#run = run;
  }

  record(sequence: number, bytes: Buffer, start: number, end: number): void {
    const run = this.#run as RunPlace;
    this.length += end - start;
    if (this.#isDefined) {
      const data = bytes.toString('base64', start, end);
      this.#taken.push({ sequence, run, data, partitionKey: undefined });
      return;
    }
    const { data, partitionKey } = JSON.parse(bytes.toString('utf8', start, end)) as OpaqueRecord;
    this.#taken.push({ sequence, run, data, partitionKey });
  }

  damaged(damage: DamagedRecords): void {
    this.damage.push(damage);
  }

  /** The value of the stream's key, as its producer wrote it. */
  #ownKey(data: string): string | undefined {
    if (!this.#key) return undefined;
    const members = membersOf(Buffer.from(data, 'base64').toString());
    const node = members.get(this.#key.name) ?? members.get(this.#key.renamedFrom ?? '');
    if (node?.kind === 'string') return node.value;
    if (node?.kind === 'number') return node.text;
    return node?.kind === 'boolean' ? String(node.value) : undefined;
  }

  /** With the partition keys that lie in files of their own. */
  async all(files: FileSystem, keys: PartitionKeys): Promise<ShardRecord[]> {
    const records: ShardRecord[] = [];
    for (const { sequence, run, data, partitionKey } of this.#taken) {
      const given = run.keys
        ? await keys.of(files, run.keys, sequence - run.firstSequence)
        : NOT_GIVEN;
      // Whoever put it had no key to give: its number spreads records as well as any.
      const key =
        partitionKey ?? (given === NOT_GIVEN ? (this.#ownKey(data) ?? String(sequence)) : given);
      records.push({ sequence, timeMs: run.timeMs, data, partitionKey: key });
    }
    return records;
  }
}
