import { App } from '../app/app.ts';
import { dataFolderFor, findRunning, lakePlaceFor } from '../app/data-folder.ts';
import { findPipeline } from '../app/load-pipeline.ts';
import { systemClock } from '../core/clock.ts';
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts';
import { MillraceError } from '../core/errors.ts';
import { createLogger } from './log.ts';

export interface FolderOptions {
  readonly pipeline?: string;
  readonly data?: string;
  readonly allowBreaking?: boolean;
}

/** A pipeline that answers: the running process, or this one for a moment. */
export interface Connection {
  readonly url: string;
  /** False where this process answers, for as long as the command takes. */
  readonly isRunning: boolean;
  readonly key: string;
  readonly folder: string;
  readonly pipeline: string;
  request(method: string, path: string, body?: unknown): Promise<Response>;
  /** The answer's JSON. @throws the server's error. */
  json<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** The last event of an answer of events; `onEvent` has had those before. @throws the server's error. */
  events<T>(path: string, body: unknown, onEvent: (event: ServerEvent) => void): Promise<T>;
}

export interface ServerEvent {
  readonly event: string;
  readonly [name: string]: unknown;
}

/** Runs `use` against the process that owns the folder; where none does, this process owns it meanwhile. */
export async function withConnection<T>(
  options: FolderOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const named =
    options.pipeline === undefined && options.data !== undefined
      ? await findRunning(dataFolderFor('.', options.data))
      : undefined;
  const file = named?.pipeline ?? findPipeline(options.pipeline);
  const folder = dataFolderFor(file, options.data);
  const running = named ?? (await findRunning(folder));
  if (running) return use(connect({ ...running, folder, pipeline: file, isRunning: true }));
  const app = await App.start({
    file,
    folder,
    lake: lakePlaceFor(undefined),
    mode: 'start',
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    allowedLocations: [],
    allowBreaking: options.allowBreaking ?? false,
    triggers: false,
    clock: systemClock,
    logger: createLogger('error'),
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    const own = { http: app.address, key: app.localKey, folder, pipeline: file };
    return await use(connect({ ...own, isRunning: false }));
  } finally {
    await app.stop({ deliver: true });
  }
}

/** The running process; for verbs that need one. */
export async function requireRunning(options: FolderOptions): Promise<Connection> {
  const file =
    options.pipeline === undefined && options.data !== undefined
      ? '.'
      : findPipeline(options.pipeline);
  const folder = dataFolderFor(file, options.data);
  const running = await findRunning(folder);
  if (!running)
    throw new MillraceError(
      'MR_NOT_READY',
      `No pipeline runs on ${folder}. Start it with \`millrace dev\`, then try again.`,
    );
  return connect({ ...running, folder, isRunning: true });
}

interface Reached extends Pick<Connection, 'key' | 'folder' | 'pipeline' | 'isRunning'> {
  readonly http: string;
}

function connect({ http: url, key, folder, pipeline, isRunning }: Reached): Connection {
  const request = (method: string, path: string, body?: unknown) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    url,
    isRunning,
    key,
    folder,
    pipeline,
    request,
    json: async <T>(method: string, path: string, body?: unknown) => {
      const response = await request(method, path, body);
      if (!response.ok) throw await errorOf(response);
      return (await response.json()) as T;
    },
    events: async <T>(path: string, body: unknown, onEvent: (event: ServerEvent) => void) => {
      const response = await request('POST', path, body);
      if (!response.ok) throw await errorOf(response);
      return (await lastEvent(response, onEvent)) as T;
    },
  };
}

async function lastEvent(
  response: Response,
  onEvent: (event: ServerEvent) => void,
): Promise<ServerEvent> {
  let rest = '';
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as ServerEvent;
      if (event.event === 'done') return event;
      if (event.event === 'error') {
        const { code, message } = event as unknown as { code: ErrorCode; message: string };
        throw new MillraceError(code, message);
      }
      onEvent(event);
    }
  }
  throw new MillraceError(
    'MR_INTERNAL',
    'The server ended before it was done. What it did until then is in its log.',
  );
}

/** The error a server answered. */
export async function errorOf(response: Response): Promise<MillraceError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string } & MillraceError['details'];
    };
    const { code, message, ...details } = error;
    return new MillraceError((code in ERROR_CODES ? code : 'MR_INTERNAL') as ErrorCode, message, {
      details: details as MillraceError['details'],
    });
  } catch (error) {
    return new MillraceError(
      'MR_INTERNAL',
      `The server answered ${response.status}: ${text.slice(0, 200)}`,
      { cause: error },
    );
  }
}
