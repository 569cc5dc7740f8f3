import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { ChildProcess } from '../children/child-process.ts';
import type { CallContext, Methods } from '../children/rpc.ts';
import type { Clock } from '../core/clock.ts';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { packageVersion } from '../core/package-version.ts';
import type { Renderer, RenderMethods } from '../dashboard/renderer.ts';
import { engineVersion } from '../engine/engine-version.ts';
import type {
  DescribeRequest,
  EngineMethods,
  LiveMethods,
  SqlMethods,
  SyncRequest,
} from '../engine/protocol.ts';
import { WORK_FETCH } from '../lake/data-files.ts';
import type { PlanChange } from '../plan/diff.ts';
import type { Plan } from '../plan/plan.ts';
import { embedded } from '../target/embedded.ts';
import type { Target } from '../target/target.ts';
import { type BackupProgress, type BackupRequest, type BackupResult, backUp } from './backup.ts';
import {
  type ChildContext,
  createEngine,
  createLive,
  createRender,
  createSql,
  createWorker,
} from './children.ts';
import { Claim } from './claim.ts';
import { CreatedStreams } from './created-streams.ts';
import { lockFolder, refuseHalfRestored, removeRunFile, writeRunFile } from './data-folder.ts';
import { Descriptions } from './descriptions.ts';
import { foreignTables } from './lake-tables.ts';
import { liveSetup } from './live-plan.ts';
import { type LoadedPipeline, loadPipeline } from './load-pipeline.ts';
import { PlanState } from './plan-state.ts';
import { type PreparedPipeline, prepare } from './prepare.ts';
import {
  fetchForQuery,
  newsFor,
  newsForQuery,
  servedCatalog,
  servedPipeline,
} from './query-sync.ts';
import { RemovedData } from './removed-data.ts';
import { Runtime } from './runtime.ts';
import { createServices } from './services.ts';
import { type VerifyEvent, type VerifyResult, verify } from './verify.ts';
import { feedRecords, keepRefused, lookupRows, workerSetup } from './worker-feed.ts';
import type { WorkerHostMethods, WorkerMethods } from './worker-protocol.ts';

export interface AppOptions {
  /** The pipeline file. */
  readonly file: string;
  readonly folder: string;
  /** `s3://bucket/prefix` for tables in a bucket; undefined for where they are already. */
  readonly lake?: string | undefined;
  readonly mode: 'dev' | 'start';
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly allowedHosts: readonly string[];
  /** Folders beside the lake that tables of other programs may have files in. */
  readonly allowedLocations: readonly string[];
  readonly allowBreaking: boolean;
  /** False where a command opens the folder for a moment: nothing runs by itself then. */
  readonly triggers: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the log can no longer be written: the process must end. */
  readonly onFatal: (error: MillraceError) => void;
}

const IDLE_SWEEP_MS = 50;

/** A running pipeline: children, rooms and doors. */
export class App {
  readonly #options: AppOptions;
  readonly #target: Target;
  readonly #engine: ChildProcess<EngineMethods>;
  readonly #sql: ChildProcess<SqlMethods>;
  readonly #worker: ChildProcess<WorkerMethods>;
  /** Made with the first dashboard. */
  #live: ChildProcess<LiveMethods> | undefined;
  /** The child of the last picture; it ends between pictures. */
  #render: ChildProcess<RenderMethods> | undefined;
  readonly #renderer: Renderer;
  readonly #planState: PlanState;
  readonly #removedData: RemovedData;
  readonly #created: CreatedStreams;
  /** Changes of the plan and of what is stored under it come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #descriptions: Descriptions;
  /** Settles once the engine has confirmed what was kept of an earlier start; it never fails. */
  #confirmed: Promise<void> = Promise.resolve();
  readonly #unlock: () => Promise<void>;
  /** Loaded while files are waited for: the HTTP stack takes 60 ms. */
  readonly #door: Promise<typeof import('../serve/server.ts')> = import('../serve/server.ts');
  readonly claim: Claim;
  /** The key of `run.json`: the folder's owner needs no other. */
  readonly localKey: string = `mr_local_${randomBytes(24).toString('base64url')}`;
  #runtime: Promise<Runtime>;
  #current: Runtime | undefined;
  #server: FastifyInstance | undefined;
  #address = '';
  #claimToken: string | undefined;
  #stopping = false;
  #planVersion = 0;
  #problem: string | null = null;

  private constructor(options: AppOptions, target: Target, unlock: () => Promise<void>) {
    const { clock, logger, folder } = options;
    this.#options = options;
    this.#target = target;
    this.#unlock = unlock;
    this.#planState = new PlanState(folder, target.files);
    this.#removedData = new RemovedData(folder, target, this.#planState);
    this.#created = new CreatedStreams(target, { clock, logger });
    this.claim = new Claim(folder, target);
    const context = { folder, clock, logger, tableFolder: target.tableFolder };
    this.#engine = createEngine(context);
    this.#descriptions = new Descriptions({
      folder,
      files: target.files,
      versions: [packageVersion(), engineVersion()],
      ask: (request) => this.#engine.call('describe', request),
      logger,
    });
    this.#sql = createSql(
      context,
      {
        sync: async (request: SyncRequest) => newsForQuery(await this.#runtime, request),
        foreignTables: async () => foreignTables(await this.#runtime),
        fetch: async (request: SyncRequest, { signal }: CallContext) =>
          fetchForQuery(await this.#runtime, request, signal),
      },
      () => this.#current && servedCatalog(this.#current),
    );
    this.#worker = this.#createWorker(context);
    this.#renderer = target.createRenderer(() => this.#createRender());
    this.#runtime = new Promise(() => {});
  }

  /** Opens the folder and brings everything up; resolves when all doors answer. */
  static async start(options: AppOptions): Promise<App> {
    const { folder, lake, clock, logger, onFatal } = options;
    const unlock = await lockFolder(folder);
    let app: App | undefined;
    try {
      refuseHalfRestored(folder);
      const target = await embedded({
        folder,
        lake,
        allowedLocations: options.allowedLocations,
        environment: process.env,
        clock,
        logger,
        onFatal,
      });
      app = new App(options, target, unlock);
      await app.#open();
      return app;
    } catch (error) {
      if (app) await app.stop({ deliver: false });
      else await unlock();
      throw error;
    }
  }

  async #open(): Promise<void> {
    // Where it will be asked it starts while the pipeline is loaded: each of the two takes a third of a second.
    if (!(await this.#descriptions.exists())) void this.#startChildren([this.#engine]);
    await this.#removedData.finish();
    const loaded = await this.#load();
    const pipeline = await prepare(loaded, (request) => this.#descriptions.recall(request));
    await this.#use(pipeline, this.#options.allowBreaking);
    await this.#listen();
    if (this.#options.mode === 'start') this.#claimToken = await this.claim.token();
    // After those who wait for this start have gone on: processes that start take the cores from them.
    this.#confirmed = setImmediate().then(() => this.#comeUp(loaded));
  }

  /** What answers people first. Also while it is stopping: a drain waits for the worker; what is closed stays so. */
  async #comeUp(loaded: LoadedPipeline): Promise<void> {
    await this.#startChildren([this.#sql, this.#live]);
    void this.#startChildren([this.#worker, this.#engine]);
    await this.#confirm(loaded);
  }

  /** A child that dies is logged and started again by its supervisor; who calls it gets the error. */
  async #startChildren(children: readonly (ChildProcess<Methods> | undefined)[]): Promise<void> {
    await Promise.allSettled(children.map((child) => child?.up()));
  }

  /** Puts what the engine says in place of what was kept, where the two differ: a defect, or a changed file. */
  async #confirm(loaded: LoadedPipeline): Promise<void> {
    const { logger, allowBreaking } = this.#options;
    try {
      const said = await this.#descriptions.differing();
      if (!said || this.#stopping) return;
      logger.error({}, 'the engine describes the queries otherwise than was kept; it is believed');
      const pipeline = await prepare(loaded, async () => said);
      await this.#inTurn(async () => {
        if (!this.#stopping) await this.#use(pipeline, allowBreaking);
      });
    } catch (error) {
      if (this.#stopping) return;
      const { message } = asMillraceError(error, 'MR_INTERNAL');
      this.#problem = message;
      logger.error({ error: message }, 'the engine could not confirm the queries of the pipeline');
    }
  }

  #createWorker(context: ChildContext): ChildProcess<WorkerMethods> {
    return createWorker(
      context,
      {
        records: async (params: WorkerHostMethods['records'][0]) =>
          feedRecords(await this.#runtime, params),
        refused: async (params: WorkerHostMethods['refused'][0]) =>
          keepRefused(await this.#runtime, params),
        lookupRows: async (params: WorkerHostMethods['lookupRows'][0], call: CallContext) =>
          lookupRows(await this.#runtime, this.#engine, params, call),
        tableRows: (params: WorkerHostMethods['tableRows'][0], call: CallContext) =>
          this.#tableRows(params, call),
      },
      () => this.#current && workerSetup(this.#current),
    );
  }

  #createLive(): ChildProcess<LiveMethods> {
    return createLive(
      { ...this.#options, tableFolder: this.#target.tableFolder },
      { sync: async (request: SyncRequest) => newsFor(await this.runtime(), request) },
      () => this.#current && liveSetup(this.#current),
    );
  }

  #createRender(): ChildProcess<RenderMethods> {
    this.#render = createRender(this.#options);
    return this.#render;
  }

  #load(): Promise<LoadedPipeline> {
    return loadPipeline(this.#options.file, join(this.#options.folder, 'cache'));
  }

  /** What makes the first administrator of `start`; undefined where there is one. */
  get claimToken(): string | undefined {
    return this.#claimToken;
  }

  get address(): string {
    return this.#address;
  }

  /** Rises with each pipeline that is put in place. */
  get planVersion(): number {
    return this.#planVersion;
  }

  /** Why the file as it is now is not what runs; null where it is. */
  get problem(): string | null {
    return this.#problem;
  }

  get current(): Runtime | undefined {
    return this.#current;
  }

  /** The runtime once a change under way is in place, for what begins now; children finish what began before. */
  runtime(): Promise<Runtime> {
    if (this.#stopping)
      return Promise.reject(
        new MillraceError('MR_STOPPING', 'The server is shutting down; ask again once it is back.'),
      );
    return this.#runtime;
  }

  get children(): readonly { name: string; pid: number | null; restarts: number }[] {
    const all = {
      engine: this.#engine,
      sql: this.#sql,
      worker: this.#worker,
      ...(this.#live ? { live: this.#live } : {}),
      ...(this.#render?.isOpen ? { render: this.#render } : {}),
    };
    return Object.entries(all).map(([name, child]) => ({
      name,
      pid: child.pid ?? null,
      restarts: child.restarts,
    }));
  }

  /** Puts a pipeline in place of the one that runs; requests wait meanwhile. */
  async #use(pipeline: PreparedPipeline, allowBreaking: boolean): Promise<PlanChange[]> {
    for (const { raw, files } of pipeline.plan.streams) {
      if (raw) this.#target.checkRawZone(raw.to);
      if (files) this.#target.checkFilesTarget(files.to);
    }
    const changes = await this.#planState.accept(pipeline.plan, allowBreaking);
    const before = this.#current;
    const opened = (async () => {
      await before?.close({ deliver: false });
      const { clock, logger } = this.#options;
      return Runtime.open(pipeline, { target: this.#target, engine: this.#engine, clock, logger });
    })();
    this.#runtime = opened;
    opened.catch(() => undefined);
    this.#current = await opened;
    this.#planVersion += 1;
    if (before) await this.#tellChildren(this.#current);
    else if (pipeline.plan.dashboards.length > 0) this.#live = this.#createLive();
    if (this.#options.triggers) {
      await this.#current.models.start();
      this.#current.maintenance.start();
    }
    return changes;
  }

  /** Of a change: what they start with, children ask for themselves. Lookups catch up from there by themselves. */
  async #tellChildren(runtime: Runtime): Promise<void> {
    const live = this.#live?.call('configure', liveSetup(runtime));
    if (!live && runtime.plan.dashboards.length > 0) {
      this.#live = this.#createLive();
      void this.#startChildren([this.#live]);
    }
    await Promise.all([
      this.#sql.call('configure', servedCatalog(runtime)),
      this.#worker.call('configure', workerSetup(runtime)),
      live,
    ]);
  }

  /** Loads the file again. Where it is wrong the old plan goes on. @throws what is wrong with it. */
  async reload(): Promise<{ pipeline: PreparedPipeline; changes: PlanChange[] }> {
    try {
      await this.#confirmed;
      const ask = (request: DescribeRequest) => this.#descriptions.ask(request);
      const pipeline = await prepare(await this.#load(), ask);
      const changes = await this.#inTurn(() => this.#use(pipeline, this.#options.allowBreaking));
      this.#problem = null;
      return { pipeline, changes };
    } catch (error) {
      this.#problem = asMillraceError(error, 'MR_DEFINITION_INVALID').message;
      throw error;
    }
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Looks at data of removed definitions, or ends it; no definition comes back meanwhile. */
  removedData<T>(use: (data: RemovedData, plan: Plan) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => use(this.#removedData, (await this.runtime()).plan));
  }

  /** Copies all there is, while records come in; the pipeline does not change meanwhile. */
  backUp(
    request: BackupRequest,
    onProgress: (progress: BackupProgress) => void,
    signal: AbortSignal,
  ): Promise<BackupResult> {
    return this.#inTurn(async () => {
      const { folder, clock, logger } = this.#options;
      const [target, created, runtime] = [this.#target, this.#created, await this.runtime()];
      const parts = { folder, target, runtime, created, clock, logger };
      return backUp(parts, request, onProgress, signal);
    });
  }

  /** Holds log, lake and lookups against each other; the pipeline does not change meanwhile. */
  verify(
    name: string | undefined,
    tell: (event: VerifyEvent) => void,
    signal: AbortSignal,
  ): Promise<VerifyResult> {
    return this.#inTurn(async () => {
      const [runtime, engine, worker] = [await this.runtime(), this.#engine, this.#worker];
      return verify({ runtime, engine, worker, tell, signal }, name);
    });
  }

  async #listen(): Promise<void> {
    const { host, port, folder } = this.#options;
    const pipeline = servedPipeline(() => this.#current);
    const query = this.#target.createQueryEngine({ child: this.#sql, pipeline });
    const { createServer } = await this.#door;
    this.#server = await createServer(
      createServices(this, {
        ...this.#options,
        query,
        live: this.#target.createLiveEngine(() => this.#live),
        renderer: this.#renderer,
        target: this.#target,
        created: this.#created,
        rebuild: (lookup) => this.#rebuild(lookup),
      }),
    );
    try {
      await this.#server.listen({ host, port });
    } catch (error) {
      throw new MillraceError(
        'MR_COMMAND_USAGE',
        `Port ${port} of ${host} cannot be used: ${(error as Error).message}. Choose another with --port, or 0 for a free one.`,
        { cause: error },
      );
    }
    const bound = this.#server.server.address();
    const name = host === '0.0.0.0' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
    this.#address = `http://${name}:${typeof bound === 'object' && bound ? bound.port : port}`;
    await writeRunFile(folder, {
      pid: process.pid,
      http: this.#address,
      key: this.localKey,
      pipeline: this.#options.file,
    });
  }

  async #rebuild(lookup: string): Promise<{ entries: number }> {
    return this.#worker.call('rebuild', { lookup });
  }

  /** Rows of a stream's table that the log no longer holds, for a lookup that is built again. */
  async #tableRows(
    { stream, until }: WorkerHostMethods['tableRows'][0],
    call: CallContext,
  ): Promise<null> {
    const { table } = (await this.#runtime).stream(stream);
    if (!table || table.scan.files.length === 0) return null;
    const { scan, columns } = table;
    await table.fetch(scan, WORK_FETCH);
    await this.#engine.call(
      'readTable',
      { scan, columns, until },
      { onChunk: (chunk) => call.emit(chunk), signal: call.signal },
    );
    return null;
  }

  /** A connection that was busy stays open for its next request: it is closed once it has its answer. */
  async #closeDoor(): Promise<void> {
    const door = this.#server;
    if (!door) return;
    const { clock } = this.#options;
    let cancel = () => {};
    const sweep = () => {
      door.server.closeIdleConnections();
      cancel = clock.after(IDLE_SWEEP_MS, sweep);
    };
    sweep();
    await door.close();
    cancel();
  }

  /** Stops taking, finishes what is under way, delivers, and gives the folder up. */
  async stop({ deliver }: { deliver: boolean }): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { clock, logger, folder } = this.#options;
    const late = clock.after(LIMITS.drainDeadlineMs, () => {
      logger.error({}, 'draining takes too long; open connections are cut');
      this.#server?.cutConnections();
    });
    await removeRunFile(folder);
    await this.#closeDoor();
    const settle = async (what: string, action: Promise<unknown> | undefined): Promise<void> => {
      await action?.catch((error: unknown) =>
        logger.error(
          { what, error: asMillraceError(error, 'MR_INTERNAL').message },
          'could not be closed cleanly',
        ),
      );
    };
    await settle('streams that programs made', this.#created.close());
    await settle('runtime', this.#current?.close({ deliver }));
    await Promise.all([
      settle('worker', this.#worker.close()),
      settle('sql', this.#sql.close()),
      settle('live', this.#live?.close()),
      settle('render', this.#renderer.close()),
      settle('engine', this.#engine.close()),
    ]);
    await settle('target', this.#target.close());
    await this.#target.files.remove(join(folder, 'scratch'));
    late();
    await this.#unlock();
  }
}
