import { fork, type ChildProcess as NodeChild } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Logger } from '../core/logger.ts';
import { type CallOptions, type Handlers, type Message, type Methods, Peer } from './rpc.ts';

export interface ChildOptions {
  /** For messages and logs: `engine`, `sql`, `worker`. */
  readonly name: string;
  readonly program: URL;
  readonly args: readonly string[];
  /** What the child may call here. */
  readonly handlers: Handlers;
  readonly logger: Logger;
  readonly clock: Clock;
  /** V8 flags of the child, for example a heap limit. */
  readonly execArgv?: readonly string[];
  /** So many calls of native code run at once; those of a fifth query would wait for Node's four threads. */
  readonly poolThreads?: number;
  /** Called each time the child is up again, before waiting calls go to it. */
  readonly onStart?: (call: ChildCall) => Promise<void>;
}

type ChildCall = (method: string, params: unknown) => Promise<unknown>;

const RESTART_DELAYS_MS = [0, 0, 100, 500, 2000, 5000];

/**
 * A supervised child, started by `up` or its first call. Calls wait until it is up; when it dies, running calls fail with MR_CHILD_FAILED
 * and it is started again at once (with growing delays where it keeps dying at its start).
 */
export class ChildProcess<Remote extends Methods> {
  readonly #options: ChildOptions;
  #child: NodeChild | undefined;
  #up: Promise<Peer<Remote>> | undefined;
  #failedStarts = 0;
  #closing = false;
  #restarts = -1;

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** False once it was closed. */
  get isOpen(): boolean {
    return !this.#closing;
  }

  /** How often it had to be started again. */
  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  /** Starts it where nothing has; resolves once calls go to it at once. @throws MillraceError MR_CHILD_FAILED where it dies first. */
  async up(): Promise<void> {
    await this.#peer();
  }

  async call<M extends keyof Remote & string>(
    method: M,
    params: Remote[M][0],
    options?: CallOptions,
  ): Promise<Remote[M][1]> {
    const peer = await this.#peer();
    return peer.call(method, params, options);
  }

  /** Ends the child at once; it is started again. Resolves once it is gone: calls from then on go to the next. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      const cancel = this.#options.clock.after(2000, () => child.kill('SIGKILL'));
      child.once('exit', cancel);
      child.disconnect();
    });
  }

  #peer(): Promise<Peer<Remote>> {
    return this.#up ?? this.#begin();
  }

  #begin(): Promise<Peer<Remote>> {
    const up = this.#start();
    // A call awaits this promise and gets the error; until then it must not count as unhandled.
    up.catch(() => undefined);
    this.#up = up;
    return up;
  }

  async #start(): Promise<Peer<Remote>> {
    const { name, program, args, handlers, logger, clock, poolThreads } = this.#options;
    const delay = RESTART_DELAYS_MS[
      Math.min(this.#failedStarts, RESTART_DELAYS_MS.length - 1)
    ] as number;
    if (delay > 0) await new Promise<void>((resolve) => clock.after(delay, resolve));
    if (this.#closing) throw this.#gone();
    this.#restarts += 1;
    const child = fork(fileURLToPath(program), [...args], {
      serialization: 'advanced',
      execArgv: [...(this.#options.execArgv ?? [])],
      ...(poolThreads === undefined
        ? {}
        : { env: { ...process.env, UV_THREADPOOL_SIZE: String(poolThreads) } }),
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    const peer = new Peer<Remote>(
      { send: (message) => child.connected && child.send(message) },
      handlers,
    );
    this.#failedStarts += 1;
    child.on('error', (error) =>
      logger.error({ child: name, error: error.message }, 'child process could not be used'),
    );
    child.once('exit', (code, signal) => this.#exited(peer, code, signal));
    await this.#ready(child, peer);
    this.#failedStarts = 0;
    logger.debug({ child: name, pid: child.pid }, 'child is up');
    return peer;
  }

  #ready(child: NodeChild, peer: Peer<Remote>): Promise<void> {
    const { name, clock, onStart } = this.#options;
    return new Promise<void>((resolve, reject) => {
      const late = clock.after(LIMITS.childStartDeadlineMs, () => child.kill('SIGKILL'));
      child.once('exit', () => {
        late();
        reject(this.#gone());
      });
      child.once('message', () => {
        late();
        child.on('message', (message) => peer.receive(message as Message));
        const started =
          onStart?.((method, params) => peer.call(method, params as Remote[typeof method][0])) ??
          Promise.resolve();
        started.then(resolve, (error: Error) => {
          // One that is closed before it is set up has nothing to tell.
          if (!this.#closing)
            this.#options.logger.error(
              { child: name, error: error.message },
              'child could not be set up',
            );
          child.kill('SIGKILL');
        });
      });
    });
  }

  #exited(peer: Peer<Remote>, code: number | null, signal: string | null): void {
    peer.disconnect(this.#gone());
    if (this.#closing) return;
    this.#options.logger.warn(
      { child: this.#options.name, code, signal },
      'child died; starting it again',
    );
    void this.#begin();
  }

  #gone(): MillraceError {
    return this.#closing
      ? new MillraceError('MR_STOPPING', 'The server is shutting down.')
      : new MillraceError(
          'MR_CHILD_FAILED',
          `The ${this.#options.name} process died while it worked on this. It is back within a second; try again.`,
        );
  }
}

/**
 * In a child with threads of its own: Node ends when they do, and a query may have hours to go or wait for the other end
 * of a pipe. So the process is killed once `tidy` has run.
 */
export function endWithoutThreads(tidy: () => void = () => {}): void {
  process.on('exit', () => {
    try {
      tidy();
    } finally {
      process.kill(process.pid, 'SIGKILL');
    }
  });
}

/** In the child: answers the parent's calls and ends with it. */
export function serveParent<Remote extends Methods>(handlers: Handlers): Peer<Remote> {
  // What cannot be sent has no reader any more: the parent is gone, and this process ends with it.
  const send = (message: Message | 'ready') => {
    if (process.connected)
      process.send?.(message, undefined, undefined, (error) => error && process.exit(0));
  };
  const peer = new Peer<Remote>({ send }, handlers);
  process.on('message', (message) => peer.receive(message as Message));
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C goes to the whole group; the parent drains first and then disconnects us.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  send('ready');
  return peer;
}
