import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Its own command listens on all addresses of the machine; this one on the loopback alone. */
const [, , folder, path] = process.argv;
const kinesalite = createRequire(join(folder, 'package.json'))('kinesalite');
const server = kinesalite({ path, createStreamMs: 0 });
server.listen(0, '127.0.0.1', () => {
  const http = `http://127.0.0.1:${server.address().port}/`;
  process.stdout.write(`${JSON.stringify({ event: 'ready', http })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
