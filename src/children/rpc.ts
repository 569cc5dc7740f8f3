import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { asMillraceError, MillraceError } from '../core/errors.ts';

/**
 * Calls between a process and its child, both ways over one channel. A call may stream chunks before
 * its result; each chunk is acknowledged before the next is sent, so a slow reader slows the sender.
 * What goes through is data of ours on both sides, made by the same version of the same program.
 */
export type Message =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly method: string;
      readonly params: unknown;
    }
  | { readonly kind: 'chunk'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly kind: 'more'; readonly id: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly code: string;
      readonly message: string;
      readonly details: object;
    };

export interface Port {
  send(message: Message): void;
}

export interface CallContext {
  readonly signal: AbortSignal;
  /** Sends a part of the answer; resolves when the caller has used it. */
  emit(chunk: Uint8Array): Promise<void>;
}

export type Handlers = {
  readonly [method: string]: (params: never, context: CallContext) => unknown;
};

/** Method name → [parameters, result]. */
export type Methods = { readonly [method: string]: readonly [params: unknown, result: unknown] };

export interface CallOptions {
  readonly onChunk?: (chunk: Uint8Array) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onChunk: CallOptions['onChunk'];
}

interface Running {
  readonly abort: AbortController;
  more: (() => void) | undefined;
}

export class Peer<Remote extends Methods> {
  readonly #port: Port;
  readonly #handlers: Handlers;
  readonly #waiting = new Map<number, Waiting>();
  readonly #running = new Map<number, Running>();
  #nextId = 1;

  constructor(port: Port, handlers: Handlers) {
    this.#port = port;
    this.#handlers = handlers;
  }

  call<M extends keyof Remote & string>(
    method: M,
    params: Remote[M][0],
    options: CallOptions = {},
  ): Promise<Remote[M][1]> {
    const id = this.#nextId++;
    return new Promise<Remote[M][1]>((resolve, reject) => {
      const cancel = () => this.#port.send({ kind: 'cancel', id });
      const settle =
        <A extends unknown[]>(action: (...values: A) => void) =>
        (...values: A) => {
          options.signal?.removeEventListener('abort', cancel);
          action(...values);
        };
      this.#waiting.set(id, {
        resolve: settle(resolve as (value: unknown) => void),
        reject: settle(reject),
        onChunk: options.onChunk,
      });
      options.signal?.addEventListener('abort', cancel);
      this.#port.send({ kind: 'call', id, method, params });
      if (options.signal?.aborted) cancel();
    });
  }

  receive(message: Message): void {
    switch (message.kind) {
      case 'call':
        void this.#answer(message.id, message.method, message.params);
        return;
      case 'cancel':
        this.#running.get(message.id)?.abort.abort();
        return;
      case 'more':
        this.#running.get(message.id)?.more?.();
        return;
      case 'chunk':
        void this.#takeChunk(message.id, message.chunk);
        return;
      case 'result':
        this.#settle(message.id)?.resolve(message.value);
        return;
      case 'error':
        this.#settle(message.id)?.reject(remoteError(message));
    }
  }

  /** The other side is gone: everything waiting for it fails. */
  disconnect(error: MillraceError): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    for (const running of this.#running.values()) {
      running.abort.abort();
      running.more?.();
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  async #takeChunk(id: number, chunk: Uint8Array): Promise<void> {
    try {
      await this.#waiting.get(id)?.onChunk?.(chunk);
      this.#port.send({ kind: 'more', id });
    } catch (error) {
      this.#settle(id)?.reject(error);
      this.#port.send({ kind: 'cancel', id });
    }
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    const running: Running = { abort: new AbortController(), more: undefined };
    this.#running.set(id, running);
    // One listener for the whole call: a large result has thousands of chunks.
    running.abort.signal.addEventListener('abort', () => running.more?.(), { once: true });
    try {
      const handler = this.#handlers[method];
      if (!handler)
        throw new MillraceError(
          'MR_INTERNAL',
          `Defect: the other process asked for the unknown method '${method}'.`,
        );
      const value = await handler(params as never, {
        signal: running.abort.signal,
        emit: (chunk) => this.#emit(id, running, chunk),
      });
      this.#port.send({ kind: 'result', id, value });
    } catch (error) {
      const { code, message, details } = asMillraceError(error, 'MR_INTERNAL');
      this.#port.send({ kind: 'error', id, code, message, details });
    } finally {
      this.#running.delete(id);
    }
  }

  #emit(id: number, running: Running, chunk: Uint8Array): Promise<void> {
    if (running.abort.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      running.more = resolve;
      this.#port.send({ kind: 'chunk', id, chunk });
    });
  }
}

function remoteError(message: Extract<Message, { kind: 'error' }>): MillraceError {
  const code = message.code in ERROR_CODES ? (message.code as ErrorCode) : 'MR_INTERNAL';
  return new MillraceError(code, message.message, {
    details: message.details as MillraceError['details'],
  });
}
