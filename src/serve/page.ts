import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invariant } from '../core/errors.ts';

/**
 * The page: files of the web build, all read at start. No path of a request ever reaches the file system.
 *
 * 1. A page route answers `index.html`; the browser draws what belongs there. No key is asked: the data need one.
 * 2. Files with a hash in their name never change, and are kept by browsers for a year; all else is asked for again.
 * 3. Nothing but what came from here runs, is shown or is called, and no other site may frame it.
 */
export const PAGE_ROUTES: readonly string[] = [
  '/',
  '/d/:name',
  '/streams',
  '/models',
  '/sql',
  '/lookups',
  '/login',
  '/gallery',
];

const INDEX = '/index.html';
const FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/web/' : '../web/', import.meta.url),
);

const MEDIA_TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "font-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ');

/** How the build has compressed files, the smallest first. */
const ENCODINGS = [
  { encoding: 'br', suffix: '.br' },
  { encoding: 'gzip', suffix: '.gz' },
] as const;

interface PageFile {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly encoded: { readonly [encoding: string]: Buffer };
  readonly etag: string;
  readonly isHashed: boolean;
}

export interface PageFiles {
  readonly index: PageFile;
  /** The others, by path, such as `/assets/index-B1x.js`. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** Reads the built page. @throws MR_INTERNAL where it was not built. */
export function readPage(folder: string = FOLDER): PageFiles {
  const names = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
        name.split(sep).join('/'),
      )
    : [];
  const known = new Set(names);
  const files = names.flatMap((name): [string, PageFile][] => {
    const mediaType = MEDIA_TYPES[extname(name)];
    if (mediaType === undefined) return [];
    const bytes = readFileSync(join(folder, name));
    const encoded = ENCODINGS.flatMap(({ encoding, suffix }) =>
      known.has(name + suffix) ? [[encoding, readFileSync(join(folder, name + suffix))]] : [],
    );
    const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22);
    const isHashed = name.startsWith('assets/');
    return [
      [`/${name}`, { mediaType, bytes, encoded: Object.fromEntries(encoded), etag, isHashed }],
    ];
  });
  const assets = new Map(files);
  const index = assets.get(INDEX);
  invariant(index, `the page is missing in ${folder}; run \`npm run build\``);
  assets.delete(INDEX);
  return { index, assets };
}

/** The routes of the page, and its files. */
export async function pageRoutes(
  server: FastifyInstance,
  { page }: { page: PageFiles },
): Promise<void> {
  for (const path of PAGE_ROUTES)
    server.get(path, async (request, reply) => sendPage(page, request, reply, 200));
  for (const [path, file] of page.assets)
    server.get(path, async (request, reply) => sendFile(file, request, reply, 200));
}

/** For an address where nothing is: the page that says so, where a person asks. */
export function wantsPage(request: FastifyRequest): boolean {
  const { accept } = request.headers;
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const html = quality(accept, 'text/html');
  return html > 0 && html >= quality(accept, 'application/json');
}

/** The page, whatever the address: what belongs there is drawn in the browser. */
export function sendPage(
  page: PageFiles,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
): FastifyReply {
  return sendFile(page.index, request, reply, status);
}

function sendFile(
  file: PageFile,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
): FastifyReply {
  const accepted = request.headers['accept-encoding'];
  const encoding = ENCODINGS.map((one) => one.encoding).find(
    (one) => file.encoded[one] !== undefined && quality(accepted, one) > 0,
  );
  const etag = `"${file.etag}${encoding === undefined ? '' : `-${encoding}`}"`;
  reply.headers({
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'Accept-Encoding',
    etag,
  });
  if (status === 200 && request.headers['if-none-match']?.includes(etag))
    return reply.status(304).send();
  if (encoding !== undefined) reply.header('content-encoding', encoding);
  return reply
    .status(status)
    .header('content-type', file.mediaType)
    .send((encoding && file.encoded[encoding]) ?? file.bytes);
}

/** How much an Accept header wants `name`, by RFC 9110 12.4.2; 0 where it does not name it. */
function quality(header: string | undefined, name: string): number {
  for (const part of (header ?? '').toLowerCase().split(',')) {
    const [value, ...parameters] = part.split(';').map((text) => text.trim());
    if (value !== name) continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return q === undefined ? 1 : Number(q.slice(2)) || 0;
  }
  return 0;
}
