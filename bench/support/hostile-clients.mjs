import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { bombs } from './bombs.mjs';

/**
 * Clients that mean no good, in a process of their own, from `go` to `stop`. Those that the server cuts off
 * come again, so that there are as many all the time.
 */
const { kinds, url, headers, path } = JSON.parse(process.argv[2] ?? '{}');
const target = new URL(url);
const heads = Object.entries({ host: target.host, ...headers }).map(
  ([name, value]) => `${name}: ${value}\r\n`,
);
const COUNTS = { bombs: 16, slowBodies: 500, slowReaders: 150, idle: 2000 };
const BYTE_EVERY_MS = 500;
const AGAIN_MS = 500;
const OPEN_AT_ONCE = 100;

const seen = { opened: 0, cut: 0, bombs: {}, bombMsMax: 0 };
let isOver = false;
const again = (action) => !isOver && setTimeout(() => !isOver && action(), AGAIN_MS);

/** A connection that is opened anew whenever the server ends it. */
function keepOpen(begin) {
  const open = () => {
    const socket = connect(Number(target.port), target.hostname, () => {
      seen.opened++;
      begin(socket);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      seen.cut++;
      again(open);
    });
  };
  open();
}

/** A byte of a body now and then: it never ends. */
function slowBody(socket) {
  socket.resume();
  socket.write(`POST ${path} HTTP/1.1\r\n${heads.join('')}content-length: 100000\r\n\r\n{`);
  const timer = setInterval(() => socket.write('"'), BYTE_EVERY_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Asks for the whole stream and takes nothing of it. */
function slowReader(socket) {
  socket.pause();
  socket.write(`GET ${path}?from=earliest HTTP/1.1\r\n${heads.join('')}\r\n`);
}

/** Says nothing at all, or nothing after a first request. */
function idle(socket) {
  socket.resume();
  if (Math.random() < 0.5) socket.write(`GET /healthz HTTP/1.1\r\n${heads.join('')}\r\n`);
}

const agent = new Agent({ keepAlive: true, maxSockets: COUNTS.bombs });

function bomb(turn) {
  const { name, encoding, bytes } = bombs[turn % bombs.length];
  const start = performance.now();
  let isEnded = false;
  const ended = (status) => {
    if (isEnded) return;
    isEnded = true;
    const key = `${name} ${status}`;
    seen.bombs[key] = (seen.bombs[key] ?? 0) + 1;
    seen.bombMsMax = Math.max(seen.bombMsMax, performance.now() - start);
    if (!isOver) setImmediate(() => bomb(turn + 1));
  };
  const outgoing = request(
    {
      agent,
      host: target.hostname,
      port: target.port,
      path,
      method: 'POST',
      headers: {
        'content-type': 'application/x-ndjson',
        'content-encoding': encoding,
        'content-length': bytes.length,
        ...headers,
      },
    },
    (response) => {
      response.resume();
      response.once('close', () => ended(response.statusCode));
    },
  );
  outgoing.once('error', (error) => ended(error.code));
  outgoing.end(bytes);
}

const BEGIN = {
  bombs: bomb,
  slowBodies: () => keepOpen(slowBody),
  slowReaders: () => keepOpen(slowReader),
  idle: () => keepOpen(idle),
};

async function begin() {
  for (const kind of kinds) {
    for (let index = 0; index < COUNTS[kind]; index++) {
      BEGIN[kind](index);
      // All at once would only be a test of the queue of new connections.
      if (index % OPEN_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  process.send({ ready: true });
}

process.on('message', (word) => {
  if (word === 'go') return void begin();
  isOver = true;
  process.send(seen, () => process.exit(0));
});
process.send('prepared');
