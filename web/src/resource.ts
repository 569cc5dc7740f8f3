import { useCallback, useEffect, useEffectEvent, useState } from 'react';
import { ApiError } from './api.ts';

/** Something of the server as the page has it: nothing yet, current, or older because the last try failed. */
export interface Resource<T> {
  readonly data: T | undefined;
  /** Of the last try; `data` is then what came before it. */
  readonly error: ApiError | undefined;
  /** When `data` came. */
  readonly loadedMs: number | undefined;
  reload(): void;
}

const RETRY_MS = 2000;

/**
 * Loads `key` with `load`, again every `everyMs` while the page is seen, and again by itself after a failure.
 * @param key what is loaded; another key starts from nothing, and without one nothing is loaded
 */
export function useResource<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  { everyMs }: { everyMs?: number } = {},
): Resource<T> {
  const [state, setState] = useState<{
    key: string | undefined;
    data?: T;
    error?: ApiError;
    loadedMs?: number;
  }>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useEffectEvent(load);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks for another go
  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number | undefined) => {
      if (ms === undefined || stop.signal.aborted) return;
      timer = setTimeout(run, ms);
    };
    let isRunning = false;
    const run = async (): Promise<void> => {
      if (isRunning) return;
      clearTimeout(timer);
      if (document.hidden) return again(everyMs ?? RETRY_MS);
      isRunning = true;
      try {
        const data = await latest(stop.signal);
        if (stop.signal.aborted) return;
        setState({ key, data, loadedMs: Date.now() });
        again(everyMs);
      } catch (error) {
        if (stop.signal.aborted) return;
        const known = asApiError(error);
        setState((before) =>
          before.key === key ? { ...before, error: known } : { key, error: known },
        );
        if (mayPass(known)) again(Math.max(RETRY_MS, everyMs ?? 0));
        else if (known.status !== 401) again(everyMs);
      } finally {
        isRunning = false;
      }
    };
    void run();
    // Who comes back to the page sees what is now, not what was.
    const seen = () => {
      if (!document.hidden && everyMs !== undefined) void run();
    };
    document.addEventListener('visibilitychange', seen);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key, everyMs, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const current = state.key === key ? state : undefined;
  return { data: current?.data, error: current?.error, loadedMs: current?.loadedMs, reload };
}

/** No answer, too many requests, a fault of the server: the same request may do better a little later. */
const mayPass = ({ status }: ApiError): boolean => status === 0 || status === 429 || status >= 500;

/** Anything else than an answer of the server is a defect of the page, and is shown as one. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('MR_INTERNAL', error instanceof Error ? error.message : String(error));
}
