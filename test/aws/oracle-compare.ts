import type { Step } from './oracle-run.ts';

/** One place where two answers are not the same; `undefined` where there is nothing. */
export interface Difference {
  readonly step: string;
  /** `body.Shards.0.ShardId` */
  readonly path: string;
  readonly oracle: unknown;
  readonly millrace: unknown;
}

/** A place where they may differ, and why. */
export interface Accepted {
  /** Names of steps; all of them where it is left out. */
  readonly steps?: readonly string[];
  readonly path: RegExp;
  /** Only such a difference. */
  readonly when?: (difference: Difference) => boolean;
  readonly why: string;
}

/** Members that differ from run to run, and what is compared instead. */
const OPAQUE: { readonly [member: string]: string } = {
  ShardIterator: 'an iterator',
  NextShardIterator: 'an iterator',
  NextToken: 'a token',
};

/** Everything that is not the same once numbers of records, times, tokens and accounts are left out. */
export function differences(oracle: readonly Step[], millrace: readonly Step[]): Difference[] {
  if (oracle.length !== millrace.length) throw new Error('the scripts made different calls');
  const ours = comparable(millrace);
  return comparable(oracle).flatMap((step, at) => {
    const other = ours[at] as Comparable;
    const paths = new Set([...step.members.keys(), ...other.members.keys()]);
    return [...paths]
      .map((path) => ({
        ...{ step: step.name, path },
        ...{ oracle: step.members.get(path), millrace: other.members.get(path) },
      }))
      .filter((one) => one.oracle !== one.millrace);
  });
}

/** The differences nobody has given a reason for, and the reasons for which there is no difference. */
export function judge(
  found: readonly Difference[],
  accepted: readonly Accepted[],
): { readonly unexplained: readonly Difference[]; readonly unused: readonly Accepted[] } {
  const explains = (one: Accepted, difference: Difference) =>
    one.path.test(difference.path) &&
    (one.steps === undefined || one.steps.includes(difference.step)) &&
    (one.when === undefined || one.when(difference));
  return {
    unexplained: found.filter((difference) => !accepted.some((one) => explains(one, difference))),
    unused: accepted.filter((one) => !found.some((difference) => explains(one, difference))),
  };
}

interface Comparable {
  readonly name: string;
  readonly members: ReadonlyMap<string, unknown>;
}

function comparable(steps: readonly Step[]): Comparable[] {
  const streams = new Map<string, Map<string, string>>();
  return steps.map(({ name, stream, answer }) => {
    const ordinals = streams.get(stream) ?? new Map<string, string>();
    streams.set(stream, ordinals);
    const members = new Map<string, unknown>([['status', answer.status]]);
    collect({ value: answer.body, path: 'body', member: '', members, ordinals });
    return { name, members };
  });
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly member: string;
  readonly members: Map<string, unknown>;
  /** Sequence numbers of records as they came: the first, the second, … Numbers are used again in another stream. */
  readonly ordinals: Map<string, string>;
}

function collect(place: Place): void {
  const { value, path, members } = place;
  // kinesis-local says null where AWS says nothing.
  if (value === null) return;
  if (typeof value !== 'object') {
    members.set(path, leaf(place));
    return;
  }
  if (Array.isArray(value)) members.set(`${path}.length`, value.length);
  for (const [member, inner] of Object.entries(value))
    collect({ ...place, value: inner, path: `${path}.${member}`, member });
}

function leaf({ value, member, ordinals }: Place): unknown {
  if (member === '__type') return `${value}`.replace(/^.*#/, '');
  if (/^message$/i.test(member)) return 'a message';
  if (/Timestamp$/.test(member)) return timeIn(value);
  if (member === 'MillisBehindLatest') return Number(value) > 0 ? 'behind' : value;
  if (/(Starting|Ending)SequenceNumber$/.test(member)) return 'a sequence number';
  if (member === 'SequenceNumber' && typeof value === 'string') {
    if (!ordinals.has(value)) ordinals.set(value, `record ${ordinals.size}`);
    return ordinals.get(value);
  }
  if (typeof value !== 'string') return value;
  if (value.startsWith('arn:aws:'))
    return value.replace(/:\d{12}:/, ':account:').replace(/:\d+$/, ':time');
  return OPAQUE[member] ?? value;
}

/** Epoch seconds of these days, with fractions or without. */
function timeIn(value: unknown): unknown {
  const isTime = typeof value === 'number' && Math.abs(value - Date.now() / 1000) < 24 * 3600;
  return isTime ? 'a time' : value;
}
