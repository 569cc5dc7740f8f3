import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildOptions, ChildProcess } from '../children/child-process.ts';
import type { Handlers, Methods } from '../children/rpc.ts';
import type { Clock } from '../core/clock.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import type { RenderMethods } from '../dashboard/renderer.ts';
import type {
  CatalogState,
  EngineMethods,
  LiveMethods,
  LiveSetup,
  SqlMethods,
} from '../engine/protocol.ts';
import type { WorkerMethods, WorkerSetup } from './worker-protocol.ts';

/** A program of ours, as built. From source (tests) it is the build's too: Node 20 runs no TypeScript. */
function program(name: string): URL {
  const built = import.meta.url.endsWith('.ts') ? '../../dist/' : '../';
  return new URL(`${built}${name}.js`, import.meta.url);
}

export interface ChildContext {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A private folder for scratch files, emptied first: a killed child may have left some. */
function scratchFolder(context: ChildContext, name: string): string {
  const folder = join(context.folder, 'scratch', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** A disk that is seldom the one of the data folder; the child makes and removes its folder there. */
function spareFolder(): string {
  const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  return join(disk, `millrace-${randomBytes(9).toString('base64url')}`);
}

/** Of children that read tables. */
export interface ReaderContext extends ChildContext {
  readonly tableFolder: string;
}

export function createEngine(context: ChildContext): ChildProcess<EngineMethods> {
  const { clock, logger } = context;
  return new ChildProcess({
    name: 'engine',
    program: program('engine/engine-program'),
    args: [scratchFolder(context, 'engine')],
    handlers: {},
    // A model, a compaction and a rebuild beside a delivery, which writes into pipes meanwhile.
    poolThreads: 12,
    clock,
    logger,
  });
}

/** A child that is told `setup` each time it starts; undefined before there is a plan. */
export function createSql(
  context: ReaderContext,
  handlers: Handlers,
  setup: () => CatalogState | undefined,
): ChildProcess<SqlMethods> {
  return createConfigured(context, handlers, setup, {
    name: 'sql',
    program: program('engine/sql-program'),
    args: [scratchFolder(context, 'sql'), spareFolder(), context.tableFolder],
    // Those that load records and files are beside the queries.
    poolThreads: 2 * LIMITS.queriesRunningMax,
  });
}

/** Only where there are dashboards. */
export function createLive(
  context: ReaderContext,
  handlers: Handlers,
  setup: () => LiveSetup | undefined,
): ChildProcess<LiveMethods> {
  return createConfigured(context, handlers, setup, {
    name: 'live',
    program: program('engine/live-program'),
    args: [scratchFolder(context, 'live'), spareFolder(), context.tableFolder],
  });
}

export function createWorker(
  context: ChildContext,
  handlers: Handlers,
  setup: () => WorkerSetup | undefined,
): ChildProcess<WorkerMethods> {
  return createConfigured(context, handlers, setup, {
    name: 'worker',
    program: program('target/worker-program'),
    args: [join(context.folder, 'system', 'lookups.mdb')],
  });
}

function createConfigured<M extends Methods>(
  { clock, logger }: ChildContext,
  handlers: Handlers,
  setup: () => unknown,
  options: Pick<ChildOptions, 'name' | 'program' | 'args' | 'poolThreads'>,
): ChildProcess<M> {
  return new ChildProcess({
    ...options,
    handlers,
    clock,
    logger,
    onStart: async (call) => {
      const state = setup();
      if (state) await call('configure', state);
    },
  });
}

/** Only while there is something to draw. */
export function createRender({
  clock,
  logger,
}: Omit<ChildContext, 'folder'>): ChildProcess<RenderMethods> {
  return new ChildProcess({
    name: 'render',
    program: program('dashboard/embedded/drawing/render-program'),
    args: [],
    handlers: {},
    clock,
    logger,
    execArgv: [`--max-old-space-size=${LIMITS.renderHeapMb}`],
  });
}
