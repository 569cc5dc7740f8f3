import type { FileSystem } from './file-system.ts';

/** Bytes of all files below a folder; 0 where it is not there. */
export async function folderBytes(files: FileSystem, folder: string): Promise<number> {
  let bytes = 0;
  for (const { name, isFolder } of await files.list(folder)) {
    const path = `${folder}/${name}`;
    bytes += isFolder ? await folderBytes(files, path) : await fileBytes(files, path);
  }
  return bytes;
}

/** Undefined where there is no such file. */
export async function bytesThere(files: FileSystem, path: string): Promise<number | undefined> {
  return (await files.exists(path)) ? fileBytes(files, path) : undefined;
}

export async function fileBytes(files: FileSystem, path: string): Promise<number> {
  const file = await files.open(path, 'read');
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}
