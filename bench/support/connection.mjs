import { connect } from 'node:net';

const NOTHING = Buffer.alloc(0);

/**
 * A connection with at most one request under way. `whole` is given all that has come since the request
 * and returns the answer once it is there, or undefined; what it throws fails the request.
 */
export function openConnection({ host = '127.0.0.1', port }) {
  const socket = connect({ host, port, noDelay: true });
  let received = NOTHING;
  let waiting;
  const settle = (how, what) => {
    const settled = waiting;
    [waiting, received] = [undefined, NOTHING];
    settled?.[how](what);
  };
  socket.on('data', (chunk) => {
    if (!waiting) return;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    try {
      const answer = waiting.whole(received);
      if (answer !== undefined) settle('resolve', answer);
    } catch (error) {
      settle('reject', error);
    }
  });
  socket.on('error', (error) => settle('reject', error));
  socket.on('close', () => settle('reject', new Error('the server closed the connection')));
  return {
    ask: (request, whole) =>
      new Promise((resolve, reject) => {
        waiting = { whole, resolve, reject };
        socket.write(request);
      }),
    tell: (bytes) => socket.write(bytes),
    close: () => socket.destroy(),
  };
}
