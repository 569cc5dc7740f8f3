import { Command } from 'commander';
import { type FolderOptions, withConnection } from './connection.ts';
import { createOutput, textTable } from './output.ts';
import { readPassword } from './password.ts';
import { folderVerb } from './verb.ts';

type Options = FolderOptions & { json?: boolean };
type AccountOptions = Options & { role?: string; passwordStdin?: boolean };
type Account = { name: string; roles: string[] };

export const usersCommand = (): Command =>
  new Command('users')
    .description('People who log in, as readers and administrators')
    .addCommand(addUser())
    .addCommand(changeUser())
    .addCommand(listUsers())
    .addCommand(removeUser())
    .addHelpText('after', '\nExample:\n  millrace users add ann@example.com --role reader\n');

const ROLES_HELP = 'producer, reader, admin; several with commas';
const PASSWORD_HELP = 'take the password from standard input instead of asking for it';

const addUser = (): Command =>
  folderVerb(
    'add',
    'Add a user; asks for the password',
    'millrace users add ann@example.com --role reader\n  millrace users add ann --role admin --password-stdin < password.txt',
  )
    .argument('<name>', 'e-mail address or plain name')
    .requiredOption('--role <roles>', ROLES_HELP)
    .option('--password-stdin', PASSWORD_HELP)
    .action(async (name: string, options: AccountOptions) => {
      const password = await readPassword(options.passwordStdin ?? false);
      const body = { name, roles: rolesOf(options.role), password };
      await saveUser(options, 'added', 'POST', '/v1/users', body);
    });

const changeUser = (): Command =>
  folderVerb(
    'change',
    'Give a user other roles, or a new password; ends the sessions of the user',
    'millrace users change ann@example.com --role admin\n  millrace users change ann@example.com',
  )
    .argument('<name>', 'name of the user')
    .option('--role <roles>', `${ROLES_HELP}; without it a new password is asked for`)
    .option('--password-stdin', PASSWORD_HELP)
    .action(async (name: string, options: AccountOptions) => {
      const roles = rolesOf(options.role);
      const fromStdin = options.passwordStdin ?? false;
      const password = roles && !fromStdin ? undefined : await readPassword(fromStdin);
      await saveUser(options, 'changed', 'PATCH', userPath(name), { roles, password });
    });

const listUsers = (): Command =>
  folderVerb('list', 'List the users', 'millrace users list').action((options: Options) =>
    withConnection(options, async (connection) => {
      const output = createOutput(options.json ?? false);
      const { users } = await connection.json<{ users: (Account & { created: string })[] }>(
        'GET',
        '/v1/users',
      );
      output.event({ event: 'done', users });
      output.say(
        textTable(
          ['name', 'roles', 'created'],
          users.map((user) => [user.name, user.roles.join(','), user.created]),
        ),
      );
    }),
  );

const removeUser = (): Command =>
  folderVerb(
    'remove',
    'Remove a user and end the sessions of the user at once',
    'millrace users remove ann@example.com',
  )
    .argument('<name>', 'name of the user')
    .action((name: string, options: Options) =>
      withConnection(options, async (connection) => {
        const output = createOutput(options.json ?? false);
        const { removed } = await connection.json<{ removed: string }>('DELETE', userPath(name));
        output.event({ event: 'done', removed });
        output.say(`removed ${removed}`);
      }),
    );

function saveUser(
  options: Options,
  done: string,
  method: string,
  path: string,
  body: object,
): Promise<void> {
  return withConnection(options, async (connection) => {
    const output = createOutput(options.json ?? false);
    const { name, roles } = await connection.json<Account>(method, path, body);
    output.event({ event: 'done', name, roles });
    output.say(`${done} ${name} (${roles.join(', ')})`);
  });
}

const userPath = (name: string): string => `/v1/users/${encodeURIComponent(name)}`;

function rolesOf(option: string | undefined): string[] | undefined {
  return option?.split(',').map((role) => role.trim());
}
