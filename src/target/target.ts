import type { ChildProcess } from '../children/child-process.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Renderer, RenderMethods } from '../dashboard/renderer.ts';
import type { Delivery } from '../deliver/delivery.ts';
import type { FilesDeliveryOptions } from '../deliver/embedded/files-delivery.ts';
import type { TableDeliveryOptions } from '../deliver/embedded/table-delivery.ts';
import type { LiveMethods } from '../engine/protocol.ts';
import type { KeyStore } from '../govern/key-store.ts';
import type { UserStore } from '../govern/user-store.ts';
import type { DedupeSettings, DedupeWindow } from '../ingest/dedupe-window.ts';
import type { Catalog } from '../lake/catalog.ts';
import type { TableMaintenanceOptions } from '../lake/embedded/table-maintenance.ts';
import type { Maintenance } from '../lake/maintenance.ts';
import type { TableStore } from '../lake/table-store.ts';
import type { LiveEngine } from '../live/live-engine.ts';
import type { LookupStore } from '../lookup/lookup-store.ts';
import type { ModelRunnerOptions } from '../model/embedded/table-model-runner.ts';
import type { ModelRunner } from '../model/model-runner.ts';
import type { DuckdbQueryEngineOptions } from '../query/embedded/duckdb-query-engine.ts';
import type { QueryEngine } from '../query/query-engine.ts';
import type { QueryLog } from '../query/query-log.ts';
import type { SavedQuery } from '../query/saved-query.ts';
import type { RunStore } from '../schedule/run-store.ts';
import type {
  AttributeStore,
  DeliveryAttributes,
  StreamAttributes,
} from '../stream/stream-attributes.ts';
import type { StreamStore } from '../stream/stream-store.ts';

/** Logs and tables of a data folder. */
export interface Stores {
  readonly files: FileSystem;
  readonly streams: StreamStore;
  /** Logs of refused records, one per stream. */
  readonly deadLetters: StreamStore;
  /** Logs of streams that programs make, and no definition describes. */
  readonly createdStreams: StreamStore;
  readonly tables: TableStore;
}

/** Where a pipeline runs: one implementation per room. Only files in this folder name them. */
export interface Target extends Stores {
  readonly streamAttributes: AttributeStore<StreamAttributes>;
  readonly queryLog: QueryLog;
  readonly savedQueries: AttributeStore<SavedQuery>;
  readonly deliveryAttributes: AttributeStore<DeliveryAttributes>;
  /** @throws MillraceError MR_DEFINITION_INVALID for a place that no stream can have its raw zone at */
  checkRawZone(place: string): void;
  /** @throws MillraceError MR_DEFINITION_INVALID for a place that no files can be delivered to */
  checkFilesTarget(place: string): void;
  /** The ids of records of a stream that were stored lately. */
  openDedupeWindow(options: DedupeSettings): Promise<DedupeWindow>;
  /** The same tables as those of `tables`, and further ones, for other programs. */
  readonly catalog: Catalog;
  /** Where on this machine data files of tables are read. */
  readonly tableFolder: string;
  /** Where the tables are, if they are in a bucket. */
  readonly bucket: string | undefined;
  readonly lookups: LookupStore;
  readonly runs: RunStore;
  readonly keys: KeyStore;
  readonly users: UserStore;
  createDelivery(options: TableDeliveryOptions): Delivery;
  openFilesDelivery(options: FilesDeliveryOptions): Promise<Delivery>;
  /** How far the files of each stream are; never beyond what is durable in its log now. */
  filesPositions(): Promise<readonly { readonly path: string; readonly text: string }[]>;
  createMaintenance(options: TableMaintenanceOptions): Maintenance;
  createModelRunner(options: ModelRunnerOptions): ModelRunner;
  createQueryEngine(options: Omit<DuckdbQueryEngineOptions, 'clock'>): QueryEngine;
  /** Copies what runs, keys, users and sessions are in, as of one moment, to a file that is not there yet. */
  copyRecords(path: string): Promise<void>;
  /** `child`: undefined while there is none. */
  createLiveEngine(child: () => ChildProcess<LiveMethods> | undefined): LiveEngine;
  /** `start`: called for the first picture, and for the first after a pause. */
  createRenderer(start: () => ChildProcess<RenderMethods>): Renderer;
  close(): Promise<void>;
}
