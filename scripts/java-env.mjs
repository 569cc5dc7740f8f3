// Makes what the Java programs of test/aws run with, once, and prints their class paths as JSON.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(ROOT, 'test/aws/java');
const CACHE = join(ROOT, '.cache/java');
const VERSION_MIN = 17;
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

// Standard output is the class paths alone; what is done is told beside it.
const say = (text) => process.stderr.write(`java-env: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

function requireTool(name, versionWord) {
  const answer = spawnSync(name, [versionWord], { encoding: 'utf8' });
  if (answer.error || answer.status !== 0)
    fail(
      `${name} was not found. Install a JDK of Java ${VERSION_MIN} or newer and Maven: apt-get install default-jdk-headless maven, or brew install openjdk maven.`,
    );
  return answer.stdout.trim();
}

function checkJava() {
  // `javac 17.0.15`
  const version = requireTool('javac', '-version');
  const major = Number(version.split(' ')[1].split('.')[0]);
  if (major < VERSION_MIN) fail(`${version}; the programs need ${VERSION_MIN} or newer.`);
  requireTool('java', '--version');
  return major;
}

function hashOf(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** The folder with that name; made in one of its own and renamed: two runs at once, or one killed halfway, leave no half of it. */
function made(name, make) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const building = `${folder}.${process.pid}`;
  const startMs = Date.now();
  mkdirSync(building, { recursive: true });
  try {
    make(building);
    if (!existsSync(folder)) renameSync(building, folder);
  } catch (error) {
    if (!existsSync(folder)) fail(`${name} could not be made: ${error.message}`);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  say(`${name} is there after ${Math.round((Date.now() - startMs) / 1000)} s`);
  return folder;
}

function libraries(pom) {
  const path = join(SOURCES, pom);
  const name = pom.replace(/\.?pom\.xml$/, '') || 'clients';
  return made(`${name}-${hashOf([readFileSync(path)])}`, (folder) => {
    requireTool('mvn', '--version');
    say(`copying what test/aws/java/${pom} lists into .cache/java …`);
    const words = [
      '--batch-mode',
      '--quiet',
      '-Dstyle.color=never',
      '--file',
      path,
      COPY,
      `-DoutputDirectory=${folder}`,
    ];
    execFileSync('mvn', [...words, '-DincludeScope=runtime'], { stdio: ['ignore', 2, 2] });
  });
}

function compiled(javaMajor, clients) {
  const files = readdirSync(SOURCES)
    .filter((name) => name.endsWith('.java'))
    .map((name) => join(SOURCES, name));
  const key = hashOf([clients, `${javaMajor}`, ...files.map((file) => readFileSync(file))]);
  return made(`classes-${key}`, (folder) => {
    const words = ['-Xlint:all,-processing,-classfile', '-Werror', '-proc:none', '-d', folder];
    execFileSync('javac', [...words, '-classpath', join(clients, '*'), ...files], {
      stdio: ['ignore', 2, 2],
    });
  });
}

const javaMajor = checkJava();
const clients = libraries('pom.xml');
const dynamodbLocal = libraries('dynamodb-local.pom.xml');
const paths = {
  programs: [compiled(javaMajor, clients), join(clients, '*')].join(delimiter),
  dynamodbLocal: join(dynamodbLocal, '*'),
  /** Where DynamoDB Local's native library is. */
  nativeLibraries: dynamodbLocal,
};
process.stdout.write(`${JSON.stringify(paths)}\n`);
