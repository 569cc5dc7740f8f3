import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ChildProcess } from '../children/child-process.ts';
import type { CallContext } from '../children/rpc.ts';
import type { Clock } from '../core/clock.ts';
import { asMillraceError, MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { Renderer, RenderMethods } from '../dashboard/renderer.ts';
import type { EngineMethods, LiveMethods, SqlMethods, SyncRequest } from '../engine/protocol.ts';
import type { PlanChange } from '../plan/diff.ts';
import { embedded } from '../target/embedded.ts';
import type { Target } from '../target/target.ts';
import { startEngine, startLive, startRender, startSql, startWorker } from './children.ts';
import { Claim } from './claim.ts';
import { lockFolder, removeRunFile, writeRunFile } from './data-folder.ts';
import { liveSetup } from './live-plan.ts';
import { type LoadedPipeline, loadPipeline } from './load-pipeline.ts';
import { PlanState } from './plan-state.ts';
import { type PreparedPipeline, prepare } from './prepare.ts';
import { newsFor, newsForQuery, servedCatalog } from './query-sync.ts';
import { Runtime } from './runtime.ts';
import { createServices } from './services.ts';
import { feedRecords, keepRefused, workerSetup } from './worker-feed.ts';
import type { WorkerHostMethods, WorkerMethods } from './worker-protocol.ts';

export interface AppOptions {
  /** The pipeline file. */
  readonly file: string;
  readonly folder: string;
  readonly mode: 'dev' | 'start';
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly allowBreaking: boolean;
  /** False where a command opens the folder for a moment: nothing runs by itself then. */
  readonly triggers: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the log can no longer be written: the process must end. */
  readonly onFatal: (error: MillraceError) => void;
}

/** A running pipeline: children, rooms and doors. */
export class App {
  readonly #options: AppOptions;
  readonly #target: Target;
  readonly #engine: ChildProcess<EngineMethods>;
  readonly #sql: ChildProcess<SqlMethods>;
  /** Started once there is a plan: it must not take a core from the two that the start waits for. */
  #worker: ChildProcess<WorkerMethods> | undefined;
  #live: ChildProcess<LiveMethods> | undefined;
  /** The child of the last picture; it ends between pictures. */
  #render: ChildProcess<RenderMethods> | undefined;
  readonly #renderer: Renderer;
  readonly #planState: PlanState;
  readonly #unlock: () => Promise<void>;
  /** Loaded while the engine describes the pipeline: the HTTP stack takes 60 ms. */
  readonly #door: Promise<typeof import('../serve/server.ts')> = import('../serve/server.ts');
  readonly claim: Claim;
  /** The key of `run.json`: the folder's owner needs no other. */
  readonly localKey: string = `mr_local_${randomBytes(24).toString('base64url')}`;
  #runtime: Promise<Runtime>;
  #current: Runtime | undefined;
  #server: FastifyInstance | undefined;
  #address = '';
  #stopping = false;
  #planVersion = 0;
  #problem: string | null = null;

  private constructor(options: AppOptions, target: Target, unlock: () => Promise<void>) {
    const { clock, logger, folder } = options;
    this.#options = options;
    this.#target = target;
    this.#unlock = unlock;
    this.#planState = new PlanState(folder, target.files);
    this.claim = new Claim(folder, target);
    const context = { folder, clock, logger };
    this.#engine = startEngine(context);
    this.#sql = startSql(
      context,
      { sync: async (request: SyncRequest) => newsForQuery(await this.#runtime, request) },
      () => this.#current && servedCatalog(this.#current),
    );
    this.#renderer = target.createRenderer(() => this.#startRender());
    this.#runtime = new Promise(() => {});
  }

  /** Opens the folder and brings everything up; resolves when all doors answer. */
  static async start(options: AppOptions): Promise<App> {
    const { folder, clock, logger, onFatal } = options;
    const unlock = await lockFolder(folder);
    let app: App | undefined;
    try {
      const target = await embedded({ folder, clock, logger, onFatal });
      // The children start while the pipeline is loaded: each of the two takes a third of a second.
      app = new App(options, target, unlock);
      await app.#use(await app.#prepare(await app.#load()), options.allowBreaking);
      await app.#listen();
      return app;
    } catch (error) {
      if (app) await app.stop({ deliver: false });
      else await unlock();
      throw error;
    }
  }

  #startWorker(): ChildProcess<WorkerMethods> {
    const { folder, clock, logger } = this.#options;
    return startWorker(
      { folder, clock, logger },
      {
        records: async (params: WorkerHostMethods['records'][0]) =>
          feedRecords(await this.#runtime, params),
        refused: async (params: WorkerHostMethods['refused'][0]) =>
          keepRefused(await this.#runtime, params),
        tableRows: (params: WorkerHostMethods['tableRows'][0], call: CallContext) =>
          this.#tableRows(params, call),
      },
      () => this.#current && workerSetup(this.#current),
    );
  }

  #startLive(): ChildProcess<LiveMethods> {
    const { folder, clock, logger } = this.#options;
    return startLive(
      { folder, clock, logger },
      { sync: async (request: SyncRequest) => newsFor(await this.runtime(), request) },
      () => this.#current && liveSetup(this.#current),
    );
  }

  #startRender(): ChildProcess<RenderMethods> {
    this.#render = startRender(this.#options);
    return this.#render;
  }

  /** Started with the first dashboard, and told of each change. */
  async #tellDashboards(runtime: Runtime): Promise<void> {
    if (this.#live) await this.#live.call('configure', liveSetup(runtime));
    else if (runtime.plan.dashboards.length > 0) this.#live = this.#startLive();
  }

  #load(): Promise<LoadedPipeline> {
    return loadPipeline(this.#options.file, join(this.#options.folder, 'cache'));
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
      pid: child?.pid ?? null,
      restarts: child?.restarts ?? 0,
    }));
  }

  #prepare(loaded: LoadedPipeline): Promise<PreparedPipeline> {
    return prepare(loaded, (request) => this.#engine.call('describe', request));
  }

  /** Puts a pipeline in place of the one that runs; requests wait meanwhile. */
  async #use(pipeline: PreparedPipeline, allowBreaking: boolean): Promise<PlanChange[]> {
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
    const configured = this.#sql.call('configure', servedCatalog(this.#current));
    // Its first setup comes with its start; lookups catch up from there by themselves.
    if (this.#worker) await this.#worker.call('configure', workerSetup(this.#current));
    else this.#worker = this.#startWorker();
    await Promise.all([configured, this.#tellDashboards(this.#current)]);
    if (this.#options.triggers) await this.#current.models.start();
    return changes;
  }

  /** Loads the file again. Where it is wrong the old plan goes on. @throws what is wrong with it. */
  async reload(): Promise<{ pipeline: PreparedPipeline; changes: PlanChange[] }> {
    try {
      const pipeline = await this.#prepare(await this.#load());
      const changes = await this.#use(pipeline, this.#options.allowBreaking);
      this.#problem = null;
      return { pipeline, changes };
    } catch (error) {
      this.#problem = asMillraceError(error, 'MR_DEFINITION_INVALID').message;
      throw error;
    }
  }

  async #listen(): Promise<void> {
    const { host, port, folder } = this.#options;
    const query = this.#target.createQueryEngine(this.#sql);
    const { createServer } = await this.#door;
    this.#server = await createServer(
      createServices(this, {
        ...this.#options,
        query,
        live: this.#target.createLiveEngine(() => this.#live),
        renderer: this.#renderer,
        target: this.#target,
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
    if (!this.#worker) throw new MillraceError('MR_NOT_READY', 'The pipeline is starting.');
    return this.#worker.call('rebuild', { lookup });
  }

  /** Rows of a stream's table that the log no longer holds, for a lookup that is built again. */
  async #tableRows(
    { stream, until }: WorkerHostMethods['tableRows'][0],
    call: CallContext,
  ): Promise<null> {
    const { table } = (await this.#runtime).stream(stream);
    if (table && table.files.length > 0)
      await this.#engine.call(
        'readTable',
        { files: table.files, columns: table.columns, until },
        { onChunk: (chunk) => call.emit(chunk), signal: call.signal },
      );
    return null;
  }

  /** Stops taking, finishes what is under way, delivers, and gives the folder up. */
  async stop({ deliver }: { deliver: boolean }): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const { clock, logger, folder } = this.#options;
    const late = clock.after(LIMITS.drainDeadlineMs, () => {
      logger.error({}, 'draining takes too long; open connections are cut');
      this.#server?.server.closeAllConnections();
    });
    await removeRunFile(folder);
    await this.#server?.close();
    const settle = async (what: string, action: Promise<unknown> | undefined): Promise<void> => {
      await action?.catch((error: unknown) =>
        logger.error(
          { what, error: asMillraceError(error, 'MR_INTERNAL').message },
          'could not be closed cleanly',
        ),
      );
    };
    await settle('runtime', this.#current?.close({ deliver }));
    await Promise.all([
      settle('worker', this.#worker?.close()),
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
