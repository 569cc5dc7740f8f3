import { basename } from 'node:path';
import { checkedText, copyOf } from '../../core/checked-file.ts';
import type { FileSystem } from '../../core/file-system.ts';
import type { LogFile } from '../stream-store.ts';
import type { Segment } from './segment.ts';

/** A log as it is in memory: all of one moment. */
export interface LogState {
  readonly segments: readonly Segment[];
  /** Of those only the answers to keyed requests are left. */
  readonly answers: readonly Segment[];
  /** Values of checked files that are written anew when they change, by name. */
  readonly values: { readonly [name: string]: object };
}

/** The files that make up the log; what is appended to any of them later is not of this moment. */
export function filesOfState({ segments, answers, values }: LogState): LogFile[] {
  return [
    ...segments.flatMap((segment, index) =>
      filesOfSegment(segment, index === segments.length - 1 && !segment.isSealed),
    ),
    ...answers.flatMap(({ answersFile, metadataFile }) => [
      { name: basename(answersFile) },
      { name: basename(metadataFile) },
    ]),
    ...Object.entries(values).flatMap(([name, value]) => {
      const text = checkedText(value);
      return [
        { name, text },
        { name: copyOf(name), text },
      ];
    }),
  ];
}

function filesOfSegment(segment: Segment, isGrowing: boolean): LogFile[] {
  const { dataFile, indexFile, metadataFile, keysFile } = segment;
  const { dataBytes, indexBytes, metadataBytes, keysBytes } = segment;
  const files: [path: string, bytes: number][] = [
    [dataFile, dataBytes],
    [indexFile, indexBytes],
    ...(metadataBytes > 0 ? [[metadataFile, metadataBytes] as [string, number]] : []),
    ...(keysBytes > 0 ? [[keysFile, keysBytes] as [string, number]] : []),
  ];
  return files.map(([path, bytes]) =>
    isGrowing ? { name: basename(path), bytes } : { name: basename(path) },
  );
}

const OF_LOG =
  /^(\d{16}\.(ndjson|idx|meta|keys|keyed|expired)|(stream|consumers|raw)(\.copy)?\.json)$/;

/** The same of a folder whose log is not open: nobody changes it. */
export async function filesOfFolder(files: FileSystem, folder: string): Promise<LogFile[]> {
  const names = (await files.list(folder)).map(({ name }) => name);
  return names.filter((name) => OF_LOG.test(name)).map((name) => ({ name }));
}
