import { Command } from 'commander';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, textTable } from './output.ts';
import { folderVerb } from './verb.ts';

type Options = FolderOptions & { json?: boolean };

export const keysCommand = (): Command =>
  new Command('keys')
    .description('Keys for producers, readers and administrators')
    .addCommand(createKey())
    .addCommand(listKeys())
    .addCommand(revokeKey())
    .addHelpText(
      'after',
      '\nExample:\n  millrace keys create --role producer,reader --label "web shop"\n',
    );

const createKey = (): Command =>
  folderVerb('create', 'Make a key; it is shown once', 'millrace keys create --role producer')
    .requiredOption('--role <roles>', 'producer, reader, admin; several with commas')
    .option('--label <text>', 'what the key is for', '')
    .action((options: Options & { role: string; label: string }) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const roles = options.role.split(',').map((role) => role.trim());
        const key = await connection.json<{ id: string; secret: string }>('POST', '/v1/keys', {
          roles,
          label: options.label,
        });
        output.event({ event: 'done', ...key, roles });
        output.say(
          `${key.secret}\nThis is shown once. Send it as \`Authorization: Bearer …\`; clients of AWS sign with AWS_ACCESS_KEY_ID=${key.id} and the whole key as AWS_SECRET_ACCESS_KEY. Revoke it with \`millrace keys revoke ${key.id}\`.`,
        );
      }),
    );

const listKeys = (): Command =>
  folderVerb('list', 'List the keys, without their secrets', 'millrace keys list').action(
    (options: Options) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const { keys } = await connection.json<{
          keys: {
            id: string;
            roles: string[];
            label: string;
            created: string;
            revoked: string | null;
          }[];
        }>('GET', '/v1/keys');
        output.event({ event: 'done', keys });
        output.say(
          textTable(
            ['id', 'roles', 'label', 'created', 'revoked'],
            keys.map((key) => [
              key.id,
              key.roles.join(','),
              key.label,
              key.created,
              key.revoked ?? '',
            ]),
          ),
        );
      }),
  );

const revokeKey = (): Command =>
  folderVerb('revoke', 'Make a key useless at once', 'millrace keys revoke 0f3a9c21b7de')
    .argument('<id>', 'id of the key')
    .action((id: string, options: Options) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        await connection.json('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
        output.event({ event: 'done', revoked: id });
        output.say(`revoked ${id}`);
      }),
    );
