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

/** How far the files of a stream are: kept beside its log. */
export interface FilesState extends Checkpoint {
  readonly pending?: PendingFiles;
}

export const filesStateText = (state: FilesState): string => `${JSON.stringify(state)}\n`;

/** @throws SyntaxError for what was never written here */
export function parseFilesState(text: string): FilesState {
  const state = JSON.parse(text) as Partial<FilesState>;
  if (typeof state.epoch === 'string' && Number.isSafeInteger(state.next))
    return state as FilesState;
  throw new SyntaxError('it has no position');
}
