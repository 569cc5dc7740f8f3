import type { Server } from 'node:http';
import {
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Socket } from 'node:net';
import { LIMITS } from '../core/limits.ts';

/** What a client sends first that speaks HTTP/2 without being asked (RFC 9113, 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export type Http2Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/**
 * Lets one port without TLS speak HTTP/1.1 and HTTP/2: AWS's clients of Kinesis for JavaScript and Java begin with
 * HTTP/2 at once (aws-rows.md §0). A connection's first bytes tell which.
 */
export class BothProtocols {
  readonly #http2: Http2Server;
  readonly #undecided = new Set<Socket>();
  readonly #open = new Set<OpenSession>();

  constructor(server: Server, handler: Http2Handler) {
    this.#http2 = createServer(
      { maxSessionMemory: 64, settings: { maxConcurrentStreams: LIMITS.http2StreamsMax } },
      handler,
    );
    const http1 = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#decide(socket, () => {
        for (const listener of http1) listener.call(server, socket);
      });
    });
  }

  #toHttp2(socket: Socket): void {
    this.#http2.once('session', (session) => {
      const open = new OpenSession(session, socket);
      this.#open.add(open);
      socket.once('close', () => this.#open.delete(open));
    });
    this.#http2.emit('connection', socket);
  }

  #decide(socket: Socket, toHttp1: () => void): void {
    this.#undecided.add(socket);
    const late = setTimeout(() => socket.destroy(), LIMITS.headersTimeoutMs);
    // A connection that breaks before it says anything is nobody's business.
    const ignore = (): void => {};
    const settled = (): void => {
      clearTimeout(late);
      this.#undecided.delete(socket);
      socket.off('error', ignore);
      socket.off('close', settled);
      socket.off('readable', look);
    };
    socket.on('error', ignore);
    socket.once('close', settled);
    let seen: Buffer = Buffer.alloc(0);
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, PREFACE.length);
      const isPreface = seen.subarray(0, length).equals(PREFACE.subarray(0, length));
      if (isPreface && length < PREFACE.length) return;
      settled();
      socket.unshift(seen);
      if (isPreface) this.#toHttp2(socket);
      else toHttp1();
    };
    socket.on('readable', look);
  }

  /** Sessions end once their requests are answered; connections that said nothing yet end now. */
  close(): void {
    for (const socket of this.#undecided) socket.destroy();
    for (const open of this.#open) open.close();
  }

  /** Cuts off what is left. */
  destroy(): void {
    for (const { socket } of this.#open) socket.destroy();
  }
}

/**
 * A session and its connection. Node ends a session by closing its half of the connection and waits for the other
 * half, which a client may never close that left a stream unread: the connection is ended here, with the last answer.
 */
class OpenSession {
  readonly socket: Socket;
  readonly #session: ServerHttp2Session;
  #streams = 0;
  #isClosing = false;

  constructor(session: ServerHttp2Session, socket: Socket) {
    this.socket = socket;
    this.#session = session;
    session.on('stream', (stream) => {
      this.#streams += 1;
      const late = setTimeout(() => stream.destroy(), LIMITS.requestTimeoutMs);
      stream.once('end', () => clearTimeout(late));
      stream.once('close', () => {
        clearTimeout(late);
        this.#streams -= 1;
        this.#endIfIdle();
      });
    });
    session.once('goaway', () => this.close());
    session.once('close', () => socket.destroySoon());
    // Also where a request was begun and not ended.
    session.setTimeout(LIMITS.http2IdleMs, () => socket.destroy());
  }

  close(): void {
    this.#isClosing = true;
    if (!this.#session.closed) this.#session.close();
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    if (this.#isClosing && this.#streams === 0) this.socket.destroySoon();
  }
}
