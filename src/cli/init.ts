import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { MillraceError } from '../core/errors.ts';
import { packageVersion } from '../core/package-version.ts';
import { createOutput } from './output.ts';
import { verb } from './verb.ts';

const TEMPLATES = fileURLToPath(new URL('../../templates/', import.meta.url));
const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

export const initCommand = (): Command =>
  verb('init', 'Make a new project from a template', 'millrace init my-shop --template ecommerce')
    .argument('[folder]', 'where to make it', '.')
    .option('--template <name>', 'blank or ecommerce', 'blank')
    .action(async (folder: string, options: { json?: boolean; template: string }) => {
      const output = createOutput(options.json ?? false);
      const target = resolve(folder);
      const written = await makeProject(target, options.template);
      output.event({ event: 'done', folder: target, files: written });
      output.say(
        `${options.template} project in ${target}: ${written.join(', ')}\n\nNext:\n${nextSteps(folder, written).join('\n')}`,
      );
    });

function nextSteps(folder: string, written: readonly string[]): string[] {
  const fill =
    '  node generator/generator.mjs     in another terminal: two years of records, then live ones';
  return [
    ...(folder === '.' ? [] : [`  cd ${folder}`]),
    '  npm install',
    '  npx millrace dev                 and open the page it names',
    ...(written.includes(GENERATOR) ? [fill] : []),
  ];
}

/** What fills a new project with records, where its template has an example that does. */
const GENERATOR = 'generator/';

async function makeProject(target: string, template: string): Promise<string[]> {
  const known = (await readdir(TEMPLATES)).sort();
  if (!known.includes(template))
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `There is no template '${template}'. Templates are: ${known.join(', ')}.`,
    );
  if (existsSync(join(target, 'pipeline.ts')))
    throw new MillraceError(
      'MR_COMMAND_USAGE',
      `${join(target, 'pipeline.ts')} is there already. Choose another folder.`,
    );
  await mkdir(target, { recursive: true });
  await copyFile(join(TEMPLATES, template, 'pipeline.ts'), join(target, 'pipeline.ts'));
  const written = ['pipeline.ts', ...(await copyGenerator(target, template))];
  for (const [name, text] of Object.entries(projectFiles(basename(target)))) {
    if (existsSync(join(target, name))) continue;
    await writeFile(join(target, name), text);
    written.push(name);
  }
  return written;
}

async function copyGenerator(target: string, template: string): Promise<string[]> {
  const [from, to] = [join(EXAMPLES, template), join(target, GENERATOR)];
  if (!existsSync(from) || existsSync(to)) return [];
  const filter = (path: string) => path === from || extname(path) === '.mjs';
  await cp(from, to, { recursive: true, filter });
  return [GENERATOR];
}

function projectFiles(name: string): { readonly [file: string]: string } {
  const manifest = {
    name: name.toLowerCase().replace(/[^a-z0-9-]/g, '-') || 'pipeline',
    private: true,
    type: 'module',
    scripts: { dev: 'millrace dev', start: 'millrace start' },
    dependencies: { millrace: packageVersion() },
  };
  const compiler = {
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    },
    include: ['*.ts'],
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(compiler, null, 2)}\n`,
    '.gitignore': 'node_modules/\n.millrace/\n',
  };
}
