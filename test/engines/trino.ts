import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { EngineProcess } from './engine-process.ts';
import { lakeEnvironment } from './environment.ts';

const MEMORY = '1g';
/** The name of the catalog in Trino's SQL. */
const CATALOG = 'millrace';
const JVM = [
  ...[`-Xmx${MEMORY}`, '-XX:+UseSerialGC', '-XX:+EnableDynamicAgentLoading'],
  ...['-Djdk.attach.allowAttachSelf=true', '--enable-native-access=ALL-UNNAMED'],
  ...['--sun-misc-unsafe-memory-access=allow', '-Duser.timezone=UTC'],
];

export interface Trino {
  /** Rows of one statement, values as Trino's protocol has them. */
  sql(statement: string): Promise<readonly (readonly unknown[])[]>;
  stop(): Promise<void>;
}

interface Page {
  readonly nextUri?: string;
  readonly data?: readonly (readonly unknown[])[];
  readonly error?: { readonly message: string; readonly failureInfo?: unknown };
}

/** A server of one node whose Iceberg catalog `millrace` has the given properties. */
export async function startTrino(
  folder: string,
  catalog: Readonly<Record<string, string>>,
): Promise<Trino> {
  const { trino, javaOfTrino } = lakeEnvironment();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const home = configure(folder, port, catalog);
  const server = new EngineProcess(
    javaOfTrino,
    [
      ...[...JVM, '-Dconfig=config.properties', '-Dlog.levels-file=log.properties'],
      ...['-cp', join(trino, 'lib', '*'), 'io.trino.server.TrinoServer'],
    ],
    { folder: home },
  );
  // It answers before it knows itself as a node that queries can run on: this one runs on such a node.
  await server.started(() =>
    ask(url, 'select sum(n) from unnest(sequence(1, 1000)) as numbers (n)').then(
      ({ length }) => length > 0,
      () => false,
    ),
  );
  return { sql: (statement) => ask(url, statement), stop: () => server.stop() };
}

function configure(folder: string, port: number, catalog: Readonly<Record<string, string>>) {
  const home = join(folder, 'trino');
  mkdirSync(join(home, 'catalogs'), { recursive: true });
  writeProperties(join(home, 'config.properties'), {
    coordinator: 'true',
    'node-scheduler.include-coordinator': 'true',
    'node.environment': 'test',
    'node.bind-ip': '127.0.0.1',
    'node.internal-address': '127.0.0.1',
    'http-server.http.port': `${port}`,
    'discovery.uri': `http://127.0.0.1:${port}`,
    'plugin.dir': join(lakeEnvironment().trino, 'plugin'),
    'catalog.config-dir': join(home, 'catalogs'),
    'query.max-memory': '300MB',
    'query.max-memory-per-node': '300MB',
    'memory.heap-headroom-per-node': '200MB',
  });
  writeProperties(join(home, 'log.properties'), { 'io.trino': 'WARN', 'io.airlift': 'WARN' });
  writeProperties(join(home, 'catalogs', `${CATALOG}.properties`), {
    'connector.name': 'iceberg',
    ...catalog,
  });
  return home;
}

function writeProperties(path: string, properties: Readonly<Record<string, string>>): void {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
}

/** The statement goes in one request, its rows come page by page. */
async function ask(url: string, statement: string): Promise<readonly (readonly unknown[])[]> {
  const headers = {
    'x-trino-user': 'test',
    'x-trino-catalog': CATALOG,
    'x-trino-time-zone': 'UTC',
    // Without it times are cut to milliseconds.
    'x-trino-client-capabilities': 'PARAMETRIC_DATETIME',
  };
  let response = await fetch(`${url}/v1/statement`, { method: 'POST', body: statement, headers });
  const rows: (readonly unknown[])[] = [];
  for (;;) {
    if (!response.ok) throw new Error(`Trino answered ${response.status} to ${statement}`);
    const page = (await response.json()) as Page;
    if (page.error) throw new Error(`Trino refused ${statement}: ${explained(page.error)}`);
    rows.push(...(page.data ?? []));
    if (page.nextUri === undefined) return rows;
    response = await fetch(page.nextUri);
  }
}

interface Failure {
  readonly type?: string;
  readonly message?: string;
  readonly cause?: Failure;
}

/** The message, and those of its causes. */
function explained({ message, failureInfo }: NonNullable<Page['error']>): string {
  const causes: string[] = [];
  for (let cause = (failureInfo as Failure | undefined)?.cause; cause; cause = cause.cause)
    causes.push(`${cause.type}: ${cause.message}`);
  return [message, ...causes].join('\n  caused by ');
}
