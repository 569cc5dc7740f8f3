import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { javaPaths } from './java.ts';

const KINESIS_LOCAL = fileURLToPath(new URL('../../scripts/kinesis-local.mjs', import.meta.url));
const START_MS_MAX = 60_000;
const SAID_LENGTH_MAX = 4000;

export interface Server {
  readonly url: string;
  stop(): void;
}

/** kinesis-local on a free port, which speaks HTTP/1.1 and HTTP/2. */
export async function startKinesisLocal(): Promise<Server> {
  const program = execFileSync(process.execPath, [KINESIS_LOCAL], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  const [plain, tls] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [program], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // It reads its certificate from where it is started.
    cwd: dirname(program),
    env: {
      ...process.env,
      KINESIS_MOCK_PLAIN_PORT: `${plain}`,
      KINESIS_MOCK_TLS_PORT: `${tls}`,
      LOG_LEVEL: 'ERROR',
    },
  });
  const url = `http://127.0.0.1:${plain}`;
  await answering(`${url}/healthcheck`, child);
  return { url, stop: () => child.kill('SIGKILL') };
}

/** DynamoDB Local, in memory, on a free port. */
export async function startDynamodbLocal(): Promise<Server> {
  const { dynamodbLocal, nativeLibraries } = javaPaths();
  const port = await freePort();
  const child = spawn(
    'java',
    [
      ...['-Xmx256m', '-XX:+UseSerialGC', `-Djava.library.path=${nativeLibraries}`],
      ...['-cp', dynamodbLocal, 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner'],
      ...['-inMemory', '-disableTelemetry', '-port', `${port}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const url = `http://127.0.0.1:${port}`;
  await answering(url, child);
  return { url, stop: () => child.kill('SIGKILL') };
}

/** Any answer will do: it listens. What it says is told where it ends. */
async function answering(url: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-SAID_LENGTH_MAX);
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  const ask = () => {
    if (ended) throw new Error(`${child.spawnargs.join(' ')} ended:\n${said}`);
    return fetch(url).then(
      () => true,
      () => undefined,
    );
  };
  await eventually(ask, START_MS_MAX).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
}
