import { MillraceError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/file-system.ts';
import { fileBytes } from '../../core/folder-bytes.ts';
import { LIMITS } from '../../core/limits.ts';
import { digestOf, type FilePart, piecesOf } from '../../core/whole-file.ts';
import { S3Refusal } from '../../s3/client.ts';
import type { S3Objects } from './s3-objects.ts';

export interface PutFile {
  readonly files: FileSystem;
  readonly path: string;
  readonly location: string;
  /** Of one part; what has no more goes in one piece. */
  readonly partBytesMin?: number;
}

/**
 * A file of this machine as an object, whole when it resolves: its size is looked at there, and each request is
 * signed with the hash of its bytes. Memory has one piece of the file.
 */
export async function putFile(objects: S3Objects, put: PutFile): Promise<void> {
  const { files, path, location, partBytesMin = LIMITS.lakePartBytesMin } = put;
  const size = await fileBytes(files, path);
  if (size <= partBytesMin) await putPart(objects, put, { start: 0, end: size }, {});
  else await putParts(objects, put, partsOf(size, partBytesMin));
  const stored = await objects.info(location);
  if (stored?.size !== size)
    throw new MillraceError(
      'MR_LAKE_UNAVAILABLE',
      `${location} was stored with ${stored?.size ?? 'no'} of ${size} bytes.`,
    );
}

function partsOf(size: number, bytesMin: number): FilePart[] {
  const bytes = Math.max(bytesMin, Math.ceil(size / LIMITS.lakePartsMax));
  const starts = Array.from({ length: Math.ceil(size / bytes) }, (_, index) => index * bytes);
  return starts.map((start) => ({ start, end: Math.min(start + bytes, size) }));
}

async function putParts(objects: S3Objects, put: PutFile, parts: FilePart[]): Promise<void> {
  const { location } = put;
  const uploadId = await begin(objects, location);
  try {
    const etags: string[] = [];
    for (const [index, part] of parts.entries())
      etags.push(await putPart(objects, put, part, { partNumber: String(index + 1), uploadId }));
    await complete(objects, location, uploadId, etags);
  } catch (error) {
    // Parts of an upload that nobody ends cost money. The first error tells the reason.
    await objects
      .retried(() => ended(objects, location, { method: 'DELETE', query: { uploadId } }))
      .catch(() => {});
    throw error;
  }
}

async function begin(objects: S3Objects, location: string): Promise<string> {
  const answer = await objects.retried(() =>
    ended(objects, location, { method: 'POST', query: { uploads: '' } }),
  );
  const [, uploadId] = /<UploadId>([^<]+)<\/UploadId>/.exec(answer) ?? [];
  if (uploadId !== undefined) return uploadId;
  throw new MillraceError('MR_LAKE_UNAVAILABLE', `${location}: the server begins no upload.`);
}

/** @returns the part's ETag */
async function putPart(
  objects: S3Objects,
  { files, path, location }: PutFile,
  part: FilePart,
  query: { readonly [name: string]: string },
): Promise<string> {
  const { size, sha256 } = await digestOf(files, path, part);
  return objects.retried(async () => {
    const response = await objects.requestOnce(location, {
      method: 'PUT',
      query,
      // A stream without a length would be sent in chunks, which S3 does not take.
      headers: { 'content-length': String(size), 'x-amz-content-sha256': sha256 },
      body: piecesOf(files, path, part),
    });
    await response.arrayBuffer();
    return response.headers.get('etag') ?? '';
  });
}

/** A try that was cut off may have ended the upload: then the object's size says whether it did. */
async function complete(
  objects: S3Objects,
  location: string,
  uploadId: string,
  etags: readonly string[],
): Promise<void> {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
  let isRetry = false;
  await objects.retried(async () => {
    try {
      const answer = await ended(objects, location, { method: 'POST', query: { uploadId }, body });
      // It takes so long that the status is sent before it is known.
      if (answer.includes('<Error>')) throw new S3Refusal(500, '', reasonIn(answer));
    } catch (error) {
      const wasMade = isRetry && error instanceof S3Refusal && error.code === 'NoSuchUpload';
      isRetry = true;
      if (!wasMade) throw error;
    }
  });
}

const reasonIn = (answer: string): string =>
  /<Message>([^<]*)<\/Message>/.exec(answer)?.[1] ?? 'the upload could not be ended';

async function ended(
  objects: S3Objects,
  location: string,
  request: Parameters<S3Objects['requestOnce']>[1],
): Promise<string> {
  return (await objects.requestOnce(location, request)).text();
}
