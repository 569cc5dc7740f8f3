import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROFILER = new URL('./cpu-profile.mjs', import.meta.url).href;
const MILLRACE = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url));
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a program that prints one JSON line with `"event":"ready"` when it answers. With `profileFolder`
 * each of its processes leaves a CPU profile there.
 */
export async function startServer(args, options = {}) {
  const { execArgv = [], started = () => {}, profileFolder } = options;
  const startMs = performance.now();
  const child = spawn(process.execPath, [...execArgv, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(profileFolder === undefined ? {} : profiled(profileFolder)) },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const ready = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      if (message.event === 'ready') resolve(message);
    });
  });
  const readyMs = performance.now() - startMs;
  started(child.pid);
  return {
    pid: child.pid,
    url: ready.http,
    readyMs,
    headers: {},
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** However long the answer takes: `fetch` gives up after five minutes, and a delivery of 200 million records does not. */
function ask(url, headers, body) {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...type },
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode, text }));
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function profiled(folder) {
  return { NODE_OPTIONS: `--import ${PROFILER}`, BENCH_PROFILE_FOLDER: folder };
}

/**
 * `millrace start` as in production, keys on, with a pipeline and a data folder of its own; or, as `mode`,
 * `dev`, where nobody is asked for a key.
 */
export async function startMillrace(folder, pipeline, { mode = 'start', ...options } = {}) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'pipeline.ts'), pipeline);
  const data = join(folder, 'data');
  const args = [MILLRACE, mode, folder, '--data', data, '--port', '0', '--json'];
  const server = await startServer(args, options);
  const local = { authorization: `Bearer ${JSON.parse(readFileSync(join(data, 'run.json'))).key}` };
  const call = async (path, body) => {
    const { status, text } = await ask(`${server.url}${path}`, local, body);
    const answer = JSON.parse(text);
    if (status >= 400) throw new Error(`${path}: ${answer.error?.message}`);
    return answer;
  };
  return {
    ...server,
    data,
    owner: local.authorization,
    call,
    records: `${server.url}/v1/streams/sales/records`,
    sql: async (sql) => (await call('/v1/sql', { sql })).rows,
    /** Lets requests come with a producer's key, which costs more than the owner's. */
    withProducerKey: async function () {
      const { secret } = await call('/v1/keys', { roles: ['producer'], label: 'bench' });
      return { ...this, headers: { authorization: `Bearer ${secret}` } };
    },
  };
}
