import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '../support/client.mjs';
import { bodies } from '../support/records.mjs';
import { debianPackages, keptFolder, librariesOf, output } from './install.mjs';
import { makeTopic } from './kafka-client.mjs';
import { freePort, startProcess } from './process.mjs';

/**
 * Kafka, one node in KRaft mode, acks=all, a partition for each request in flight. As a topic's settings
 * it has both promises: `flush.messages=1` syncs before the answer, its default leaves that to the kernel.
 * Two clients: librdkafka, as programs use it, and requests made beforehand, as the other peers get them.
 */

const VERSION = '4.1.0';
const SCALA = '2.13';
const PARTITIONS = 4;
const CLIENT = new URL('./kafka-client.mjs', import.meta.url).href;
const LIBRDKAFKA_CLIENT = fileURLToPath(new URL('./kafka-librdkafka.c', import.meta.url));
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>bench</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_${SCALA}</artifactId><version>${VERSION}</version>
  </dependency></dependencies>
</project>
`;

export const kafka = { name: 'Kafka', install };

async function install() {
  const jars = await keptFolder(`kafka-${VERSION}`, async (folder) => {
    const pom = join(folder, 'pom.xml');
    writeFileSync(pom, POM);
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=.'];
    await output('mvn', ['-q', '-B', '-f', pom, ...copy]);
  });
  await output('java', ['-version']);
  const { client, version } = await compileClient();
  return {
    version: `${VERSION}, librdkafka ${version}`,
    start: (place) => start({ jars, client, place }),
  };
}

async function compileClient() {
  const library = await debianPackages(['librdkafka-dev']);
  const paths = librariesOf(library);
  const hash = createHash('sha256').update(readFileSync(LIBRDKAFKA_CLIENT)).digest('hex');
  const folder = await keptFolder(`kafka-librdkafka-${hash.slice(0, 8)}`, async (made) => {
    const libraries = paths.flatMap((path) => [`-L${path}`, `-Wl,-rpath,${path}`]);
    const from = ['-I', join(library, 'usr/include'), LIBRDKAFKA_CLIENT];
    const compiled = ['-o', join(made, 'client'), ...libraries, '-lrdkafka', '-lpthread'];
    await output('gcc', ['-O2', ...from, ...compiled]);
  });
  const client = join(folder, 'client');
  return { client, version: (await output(client, ['--version'])).trim() };
}

async function start({ jars, client, place }) {
  const [port, controllerPort] = [await freePort(), await freePort()];
  const settings = join(place, 'server.properties');
  const data = join(place, 'data');
  writeFileSync(
    settings,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
log.dirs=${data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`,
  );
  const classes = readdirSync(jars).filter((name) => name.endsWith('.jar'));
  const java = ['-Xms512m', '-Xmx1g', '-cp', classes.map((name) => join(jars, name)).join(':')];
  const format = ['format', '-t', 'bWlsbHJhY2UtYmVuY2hlcw', '-c', settings];
  await output('java', [...java, 'kafka.tools.StorageTool', ...format]);
  const command = ['java', ...java, 'kafka.Kafka', settings];
  const server = await startProcess(command, { folder: place, port });
  await makeTopic({
    port,
    name: 'synced',
    partitions: PARTITIONS,
    settings: { 'flush.messages': '1' },
  });
  await makeTopic({ port, name: 'cached', partitions: PARTITIONS, settings: {} });
  const byLibrary = (topic) => (request) => {
    const records = join(place, 'records.ndjson');
    writeFileSync(
      records,
      Buffer.concat(bodies(request.distinct, request.perRequest, request.seed)),
    );
    const { total, perRequest, inFlight } = request;
    const numbers = [total, perRequest, inFlight].map(String);
    const program = [client, `127.0.0.1:${port}`, topic, records, ...numbers];
    return load(server, { ...request, program });
  };
  const prebuilt = (topic) => (request) =>
    load(server, { ...request, client: CLIENT, port, topic });
  return {
    stop: server.stop,
    cases: [
      {
        name: 'Kafka flush.messages=1, librdkafka',
        durable: true,
        share: 1,
        ship: 1.3,
        goal: 2,
        load: byLibrary('synced'),
      },
      {
        name: 'Kafka flush.messages=1, requests made before',
        durable: true,
        share: 1,
        ship: 1.3,
        goal: 2,
        load: prebuilt('synced'),
      },
      {
        name: 'Kafka without fsync, librdkafka',
        durable: false,
        share: 1,
        goal: 1.3,
        load: byLibrary('cached'),
      },
      {
        name: 'Kafka without fsync, requests made before',
        durable: false,
        share: 1,
        goal: 1.3,
        load: prebuilt('cached'),
      },
    ],
  };
}
