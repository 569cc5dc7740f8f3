import { isValid, openLog, serve } from './support/bare-server.mjs';

/**
 * The anchor of `ingest`: the least a Node server must do for the same promise. It parses each line,
 * checks its fields, and answers once the body is on disk; bodies that arrive meanwhile share the next sync.
 * Without a file it only receives and answers: what no Node server can do without.
 */
const [, , path] = process.argv;
const log = path === undefined ? undefined : await openLog(path);

serve((chunks, response) => {
  if (!log) {
    response.end();
    return;
  }
  const body = Buffer.concat(chunks);
  let accepted = 0;
  for (const line of body.toString().split('\n')) {
    if (line === '') continue;
    if (!isValid(JSON.parse(line))) {
      response.writeHead(422).end('{"accepted":0}');
      return;
    }
    accepted += 1;
  }
  log.add(body);
  log.commit(() => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"accepted":${accepted}}`);
  });
});
