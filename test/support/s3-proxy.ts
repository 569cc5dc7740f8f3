import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What goes wrong with one request. */
export type S3Fault =
  /** The server says 500 and has done nothing. */
  | 'refused'
  /** It was done, and the answer is 500. */
  | 'done, then 500'
  /** It was done, and no answer comes. */
  | 'done, then silent'
  /** It was done, and the connection is cut before the answer. */
  | 'done, then cut'
  /** The connection is cut in the middle of the answer. */
  | 'cut'
  /** Too many requests: nothing is done. */
  | 'slow down'
  /** The answer comes late. */
  | 'slow';

const SLOW_MS = 400;

export interface S3Asked {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly url: string;
  /** Of all requests, the first being 1. */
  readonly index: number;
}

export interface S3Proxy {
  readonly endpoint: string;
  readonly asked: readonly S3Asked[];
  /** Decides what goes wrong from now on. */
  play(fault: (asked: S3Asked) => S3Fault | undefined): void;
}

/** A way to a server of S3 on which things go wrong. It keeps the host that requests were signed for. */
export async function s3Proxy(upstream: string): Promise<S3Proxy> {
  const asked: S3Asked[] = [];
  let decide: (asked: S3Asked) => S3Fault | undefined = () => undefined;
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const one = { method, url, index: asked.length + 1 };
    asked.push(one);
    pass(upstream, request, response, decide(one));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    play: (fault) => {
      decide = fault;
    },
  };
}

function pass(
  upstream: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: S3Fault | undefined,
): void {
  if (fault === 'refused' || fault === 'slow down') {
    request.resume();
    const [status, code] =
      fault === 'refused' ? ([500, 'InternalError'] as const) : ([503, 'SlowDown'] as const);
    request.once('end', () => response.writeHead(status).end(`<Code>${code}</Code>`));
    return;
  }
  const { method, url, headers } = request;
  const onward = httpRequest(
    `${upstream}${url}`,
    { ...(method === undefined ? {} : { method }), headers },
    (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      const done = () => reply(response, answer, Buffer.concat(pieces), fault);
      answer.once('end', () => (fault === 'slow' ? setTimeout(done, SLOW_MS) : done()));
    },
  );
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}

function reply(
  response: ServerResponse,
  answer: IncomingMessage,
  body: Buffer,
  fault: S3Fault | undefined,
): void {
  if (fault === 'done, then silent') return;
  if (fault === 'done, then cut') {
    response.destroy();
    return;
  }
  if (fault === 'done, then 500') {
    response.writeHead(500).end('<Code>InternalError</Code>');
    return;
  }
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault !== 'cut') {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.length / 2)));
  response.socket?.end();
}
