import { Command, Help, type Option } from 'commander';

/** A verb with the options all of them have. */
export function verb(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option('--json', 'one JSON object per line, for programs')
    .configureHelp({ optionDescription })
    .addHelpText('after', `\nExample:\n  ${example}\n`);
}

const help = new Help();

/** A default that is nothing is not told: "(default: [])" helps nobody. */
function optionDescription(option: Option): string {
  const { defaultValue, description } = option;
  const isNothing =
    defaultValue === '' || (Array.isArray(defaultValue) && defaultValue.length === 0);
  return isNothing ? description : help.optionDescription(option);
}

/** A verb that works on a pipeline's data. */
export function folderVerb(name: string, description: string, example: string): Command {
  return verb(name, description, example)
    .option('--pipeline <file>', 'the pipeline file or its folder (default: ./pipeline.ts)')
    .option(
      '--data <folder>',
      'the data folder (default: .millrace beside the pipeline, or MILLRACE_DATA)',
    );
}
