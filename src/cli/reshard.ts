import { type Command, InvalidArgumentError } from 'commander';
import { MillraceError } from '../core/errors.ts';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput } from './output.ts';
import { folderVerb } from './verb.ts';

interface ReshardOptions extends FolderOptions {
  readonly json?: boolean;
  readonly count?: number;
  readonly split?: number;
  readonly at?: string;
  readonly merge?: readonly number[];
}

interface ShardText {
  readonly shard: number;
  readonly state: 'open' | 'closed';
  readonly hashFrom: string;
  readonly hashLast: string;
}

export const reshardCommand = (): Command =>
  folderVerb(
    'reshard',
    'Change the shards of a stream while records come in; records of one key stay in order',
    'millrace reshard sales --count 8',
  )
    .argument('<stream>', 'name of the stream')
    .option('--count <number>', 'as many even shards as that', whole)
    .option('--split <shard>', 'one shard into two', whole)
    .option('--at <hash key>', 'where to split it; default in the middle')
    .option('--merge <shards>', 'two neighbours into one, such as 1,2', (text) =>
      text.split(',').map(whole),
    )
    .action((stream: string, options: ReshardOptions) =>
      withConnection(options, async (connection) => {
        const { count, split, at, merge } = options;
        if ([count, split, merge].filter((part) => part !== undefined).length !== 1)
          throw new MillraceError(
            'MR_REQUEST_INVALID',
            'Say one of --count NUMBER, --split SHARD or --merge SHARD,SHARD.',
          );
        const { shards } = await connection.json<{ shards: ShardText[] }>(
          'POST',
          `/v1/streams/${encodeURIComponent(stream)}/shards`,
          { count, split, at, merge },
        );
        const output = createOutput(options.json ?? false);
        const open = shards.filter(({ state }) => state === 'open');
        output.event({ event: 'done', stream, shards });
        output.say(
          `${stream}: shards ${open.map(({ shard }) => shard).join(', ')} are open; closed ones stay readable`,
        );
      }),
    );

function whole(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
