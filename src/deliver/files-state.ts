import type { LogPosition } from '../stream/stream-store.ts';
import type { Checkpoint } from './delivery.ts';

/** Files of a batch that are durable, and become visible one after the other. */
export interface PendingFiles {
  readonly epoch: string;
  /** The target they were written for, which may be another than now. */
  readonly to: string;
  /** The first record behind the batch. */
  readonly until: number;
  readonly rows: number;
  readonly files: readonly { readonly staged: string; readonly name: string }[];
}

/** How far the files of a stream are: kept beside its log, and beside the files. */
export interface FilesState extends Checkpoint {
  /** The target that has files: it is there, or away. */
  readonly delivered?: string;
  readonly pending?: PendingFiles;
}

export const filesStateText = (state: FilesState): string => `${JSON.stringify(state)}\n`;

/** What a copy of the log has to know: the unfinished files of a batch are not in it. */
export function positionText(text: string): string {
  const { pending: _, ...position } = parseFilesState(text);
  return filesStateText(position);
}

/** @throws SyntaxError for what was never written here */
export function parseFilesState(text: string): FilesState {
  const { pending, ...position }: { [name: string]: unknown } = Object(JSON.parse(text));
  if (!isPlaced(position)) throw new SyntaxError('it has no position');
  if (pending === undefined) return position;
  if (!isPending(pending)) throw new SyntaxError('its files have no names');
  return { ...position, pending };
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value);

const isPosition = (value: unknown): value is LogPosition => {
  const { epoch, next }: { [name: string]: unknown } = Object(value);
  return typeof epoch === 'string' && isNumber(next);
};

function isPlaced(value: object): value is Omit<FilesState, 'pending'> {
  const { lineage = [], delivered = '' }: { lineage?: unknown; delivered?: unknown } = value;
  const isLine = Array.isArray(lineage) && lineage.every(isPosition);
  return isPosition(value) && isLine && typeof delivered === 'string';
}

function isPending(value: unknown): value is PendingFiles {
  const { epoch, to, until, rows, files }: { [name: string]: unknown } = Object(value);
  const isFile = (file: unknown): boolean => {
    const { staged, name }: { [name: string]: unknown } = Object(file);
    return typeof staged === 'string' && typeof name === 'string';
  };
  return (
    typeof epoch === 'string' &&
    typeof to === 'string' &&
    isNumber(until) &&
    isNumber(rows) &&
    Array.isArray(files) &&
    files.every(isFile)
  );
}
