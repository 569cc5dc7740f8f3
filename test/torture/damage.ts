import { readEntry } from '../../src/stream/embedded/index-format.ts';
import { RUN, RUN_COLUMNS } from '../../src/stream/run-columns.ts';
import type { StreamLog } from '../../src/stream/stream-store.ts';
import { FaultFileSystem } from '../support/fault-file-system.ts';
import { batchOf, readAll, type StoredRecord, storeOn } from '../support/stream.ts';
import type { Fault, Outcome, Round } from './campaign.ts';
import { isNamed, namedRanges } from './damage-report.ts';
import { type Life, live, NEXT_SCHEMA, newDisk } from './log-workload.ts';

/**
 * R6: a bit flips in a file of the log, a sector of it becomes garbage, or it ends too early. What was stored
 * is read as it was, or is named; nothing else is touched; and the log goes on.
 */

const FOLDER = '/data/sales';
const SEED = 11;
const SECTOR = 512;
const clock = { now: () => 1_200_000, after: () => () => {} };
const openLog = (files: FaultFileSystem): Promise<StreamLog> =>
  storeOn(files, '/data', { clock }).open(NEXT_SCHEMA);

interface Extent {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  /** Records that cannot be read without these bytes. */
  readonly first: number;
  readonly last: number;
}

interface Whole {
  readonly files: FaultFileSystem;
  readonly life: Life;
  readonly records: ReadonlyMap<number, string>;
  readonly runs: readonly Extent[];
  readonly entries: readonly Extent[];
  readonly answers: readonly Extent[];
}

/** A log of two segments, several shards and requests with keys, the last one among them; not closed. */
async function makeWhole(): Promise<Whole> {
  const files = new FaultFileSystem(SEED);
  const life = await live(newDisk(files), SEED);
  const log = await openLog(files);
  const line = '{"n":9999,"m":"last"}';
  const answer = '{"accepted":1}';
  await log.append(
    batchOf([line, '{"n":9998,"m":"last"}'], (index) => index),
    {
      key: 'last',
      bodyHash: 'h',
      answer: () => answer,
    },
  );
  life.answers.set('last', { answer, line });
  const { records } = await readAll(log, files);
  const slices = await log.slices(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const runs = slices.flatMap(({ file, runs: rows }) =>
    Array.from({ length: rows.length / RUN_COLUMNS }, (_, run) => {
      const at = (column: number) => rows[run * RUN_COLUMNS + column] as number;
      const start = at(RUN.position);
      const first = at(RUN.firstSequence);
      const last = first + at(RUN.count) - 1;
      return { file, start, end: start + at(RUN.length), first, last };
    }),
  );
  const entries: Extent[] = [];
  const answers: Extent[] = [];
  const epoch = Buffer.from(log.epoch.replaceAll('-', ''), 'hex');
  for (const file of files.paths.filter((path) => path.endsWith('.idx'))) {
    const index = await files.readFile(file);
    for (let at = 0; at < index.length; ) {
      const found = readEntry(index, at, epoch);
      if (!found) throw new Error(`${file} is not whole at ${at}`);
      const { entry, bytes } = found;
      const first = entry.firstSequence;
      const of = { first, last: first + entry.records - 1 };
      entries.push({ file, start: at, end: at + bytes, ...of });
      const start = entry.metadataPosition;
      if (entry.metadataLength > 0)
        answers.push({
          file: file.replace('.idx', '.meta'),
          start,
          end: start + entry.metadataLength,
          ...of,
        });
      at += bytes;
    }
  }
  const lines = new Map(records.map((record) => [record.sequence, record.line]));
  return { files, life, records: lines, runs, entries, answers };
}

let made: Promise<Whole> | undefined;
const wholeLog = (): Promise<Whole> => {
  made ??= makeWhole();
  return made;
};

interface Expected {
  /** Only these may be missing. */
  readonly mayLose: readonly Extent[];
  /** Something has to be said, whatever is read. */
  readonly isNamed: boolean;
  /** The last commit may be taken for one that was never finished, which nobody was told of. */
  readonly isUnfinished?: boolean;
  /** Keys of these records may be forgotten. */
  readonly mayForget?: readonly Extent[];
}

const covers = (extents: readonly Extent[], sequence: number): boolean =>
  extents.some(({ first, last }) => sequence >= first && sequence <= last);

type Reader = (
  log: StreamLog,
  files: FaultFileSystem,
) => Promise<{ records: StoredRecord[]; damage: string[] }>;

async function check(
  files: FaultFileSystem,
  log: StreamLog,
  { whole, expected, read = readAll }: { whole: Whole; expected: Expected; read?: Reader },
): Promise<string[]> {
  const { records, damage } = await read(log, files);
  const places = [...damage, ...log.status().damaged];
  const ranges = namedRanges(places);
  const there = new Set(records.map(({ sequence }) => sequence));
  const lost = [...whole.records.keys()].filter((sequence) => !there.has(sequence));
  const problems = [
    ...records
      .filter(({ sequence, line }) => whole.records.get(sequence) !== line)
      .map(({ sequence, line }) => `${sequence} is read as ${JSON.stringify(line)}`),
    ...lost
      .filter((sequence) => !covers(expected.mayLose, sequence))
      .map((sequence) => `${sequence} is dropped too`),
    ...lost
      .filter((sequence) => !expected.isUnfinished && !isNamed(sequence, ranges))
      .map((sequence) => `${sequence} is lost and not named`),
    ...(expected.isNamed && places.length === 0 ? ['it is not named'] : []),
  ];
  for (const [key, { answer, line }] of whole.life.answers) {
    const record = records.find((one) => one.line === line);
    if (!record || covers(expected.mayForget ?? [], record.sequence)) continue;
    if ((await log.answered(key, 'h')) !== answer) problems.push(`key ${key} has no answer`);
  }
  const isSetAside = files.paths.some((path) => path.startsWith('/quarantine/data/sales/'));
  if (log.status().damaged.some((place) => place.includes('bytes')) && !isSetAside)
    problems.push('nothing is in quarantine');
  return [...problems, ...(await goesOn(files, log, { there, lost }))];
}

/** What is appended now is read behind all that was, also after another start; no number comes twice. */
async function goesOn(
  files: FaultFileSystem,
  log: StreamLog,
  { there, lost }: { there: ReadonlySet<number>; lost: readonly number[] },
): Promise<string[]> {
  const [placement] = await log.append(batchOf(['{"n":-1}']));
  await log.close();
  files.cutPower();
  files.restart();
  const again = await openLog(files);
  const { records } = await readAll(again, files);
  const first = placement?.first as number;
  const before = records.filter(({ sequence }) => sequence !== first);
  const problems: string[] = [];
  if (there.has(first)) problems.push(`number ${first} is used twice`);
  if (records.find(({ sequence }) => sequence === first)?.line !== '{"n":-1}')
    problems.push('what was appended afterwards is not read');
  if (before.length !== there.size) problems.push(`${there.size} records became ${before.length}`);
  if (before.some(({ sequence }) => lost.includes(sequence)))
    problems.push('what was lost came back');
  return problems;
}

/** A file of the log, and what damage to bytes of it may cost. */
interface Kind {
  readonly name: string;
  matches(path: string): boolean;
  expect(whole: Whole, touched: Touched): Expected;
}

interface Touched {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly isFlip: boolean;
}

const touchedOf = (extents: readonly Extent[], { file, start, end }: Touched): Extent[] =>
  extents.filter((one) => one.file === file && one.start < end && start < one.end);

const KINDS: readonly Kind[] = [
  {
    name: '.ndjson',
    matches: (path) => path.endsWith('.ndjson'),
    expect: (whole, touched) => {
      const mayLose = touchedOf(whole.runs, touched);
      // Between runs are newlines that nobody reads.
      return { mayLose, isNamed: mayLose.length > 0 };
    },
  },
  {
    name: '.idx',
    matches: (path) => path.endsWith('.idx'),
    expect: (whole, touched) => {
      const mayLose = touched.isFlip ? [] : touchedOf(whole.entries, touched);
      return { mayLose, isNamed: true, mayForget: mayLose };
    },
  },
  {
    name: '.meta',
    matches: (path) => path.endsWith('.meta'),
    expect: (whole, touched) => {
      const mayForget = touchedOf(whole.answers, touched);
      return { mayLose: [], isNamed: mayForget.length > 0, mayForget };
    },
  },
  {
    name: 'stream.json',
    matches: (path) => path === `${FOLDER}/stream.json`,
    expect: () => ({ mayLose: [], isNamed: true }),
  },
  {
    name: 'stream.copy.json',
    matches: (path) => path === `${FOLDER}/stream.copy.json`,
    expect: () => ({ mayLose: [], isNamed: true }),
  },
];

/** `damage` touches a copy of the whole log at a place of its choice; then it is opened, read and appended to. */
async function playDamage(
  { first, cycles, seed }: Round,
  kind: Kind,
  damage: (files: FaultFileSystem, path: string, random: number) => Touched,
  read?: Reader,
): Promise<Outcome> {
  const whole = await wholeLog();
  const problems: string[] = [];
  for (let cycle = first; cycle < first + cycles; cycle++) {
    const files = whole.files.copy(seed + cycle);
    const paths = files.paths.filter(kind.matches);
    const bytes = paths.reduce((total, path) => total + files.sizeOf(path), 0);
    // A golden step goes over all files evenly, whatever the number of cycles.
    let at = Math.floor((((seed + cycle) * 0.618_033_988_749) % 1) * bytes);
    const path = paths.find((one) => {
      if (at < files.sizeOf(one)) return true;
      at -= files.sizeOf(one);
      return false;
    }) as string;
    const isRunning = kind.name === '.ndjson' && cycle % 2 === 1;
    const before = isRunning ? await openLog(files) : undefined;
    const touched = damage(files, path, at);
    const log = before ?? (await openLog(files));
    const expected = kind.expect(whole, touched);
    const options = { whole, expected, ...(read ? { read } : {}) };
    const found = await check(files, log, options);
    problems.push(...found.map((problem) => `${path} at ${touched.start}: ${problem}`));
  }
  return { problems, checked: whole.records.size * cycles };
}

const flip = (files: FaultFileSystem, file: string, at: number): Touched => {
  files.flipBit(file, at);
  return { file, start: at, end: at + 1, isFlip: true };
};

const garble = (files: FaultFileSystem, file: string, at: number): Touched => {
  const start = Math.floor(at / SECTOR) * SECTOR;
  for (let byte = start; byte < Math.min(start + SECTOR, files.sizeOf(file)); byte++)
    for (let time = 0; time < 3; time++) files.flipBit(file, byte);
  return { file, start, end: start + SECTOR, isFlip: false };
};

/** A reader that trusts the disk. */
const readUnchecked: Reader = async (log, files) => {
  const records: StoredRecord[] = [];
  for (const { file, runs } of await log.slices(0, 1e15, 1e15)) {
    const bytes = await files.readFile(file);
    for (let run = 0; run < runs.length; run += RUN_COLUMNS) {
      const at = (column: number) => runs[run + column] as number;
      const start = at(RUN.position);
      const lines = bytes.toString('utf8', start, start + at(RUN.length)).split('\n');
      for (let index = 0; index < at(RUN.count); index++)
        records.push({
          line: lines[index] ?? '',
          sequence: at(RUN.firstSequence) + index,
          shard: at(RUN.shard),
          key: '',
        });
    }
  }
  return { records, damage: [] };
};

const control = {
  name: 'a reader that ignores checksums',
  play: (round: Round) =>
    playDamage({ ...round, cycles: 25 }, KINDS[0] as Kind, flip, readUnchecked),
};

/** The bytes of the last commit in the newest file of this ending: each is where the file may end. */
async function tailOf(ending: string): Promise<Extent> {
  const { runs, entries, answers } = await wholeLog();
  const last = (entries.at(-1) as Extent).first;
  const all = ending === '.ndjson' ? runs : ending === '.idx' ? entries : answers;
  const tail = all.filter(({ first }) => first >= last);
  const [begin, end] = [tail[0] as Extent, tail.at(-1) as Extent];
  return { ...begin, end: end.end, last: end.last };
}

function cutFault(ending: string): Fault {
  return {
    campaign: 'R6',
    name: `${ending} ends at each byte of its last commit`,
    cycles: async () => {
      const { start, end } = await tailOf(ending);
      return end - start;
    },
    batch: 50,
    play: async ({ first, cycles, seed }) => {
      const whole = await wholeLog();
      const tail = await tailOf(ending);
      const problems: string[] = [];
      for (let cycle = first; cycle < first + cycles; cycle++) {
        const files = whole.files.copy(seed + cycle);
        files.cutFile(tail.file, tail.start + cycle);
        const expected = { mayLose: [tail], isNamed: false, isUnfinished: true };
        const found = await check(files, await openLog(files), { whole, expected });
        problems.push(...found.map((problem) => `${tail.start + cycle}: ${problem}`));
      }
      return { problems, checked: whole.records.size * cycles };
    },
    control,
  };
}

export const DAMAGE: readonly Fault[] = [
  ...KINDS.map((kind) => ({
    campaign: 'R6',
    name: `a bit flips in ${kind.name}`,
    cycles: 1000,
    batch: 25,
    play: (round: Round) => playDamage(round, kind, flip),
    control,
  })),
  ...KINDS.slice(0, 3).map((kind) => ({
    campaign: 'R6',
    name: `a sector of ${kind.name} is garbage`,
    cycles: 1000,
    batch: 25,
    play: (round: Round) => playDamage(round, kind, garble),
    control,
  })),
  ...['.ndjson', '.idx', '.meta'].map(cutFault),
];
