import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PreparedPipeline } from '../app/prepare.ts';
import { typescriptValue } from '../plan/type-mapping.ts';

/** Writes `millrace-env.d.ts` beside the pipeline: the row types of its models, for `tsc`. Returns its path. */
export async function writeEnvFile(pipeline: PreparedPipeline): Promise<string> {
  const path = join(dirname(pipeline.file), 'millrace-env.d.ts');
  const text = envText(pipeline);
  // An unchanged file keeps its time, so that tools that watch it rest.
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  return path;
}

function envText({ plan, columns }: PreparedPipeline): string {
  const models = plan.models.map(({ name }) => {
    const fields = (columns.get(name) ?? []).map(
      (column) => `      ${JSON.stringify(column.name)}: ${typescriptValue(column)};`,
    );
    return `    ${name}: {\n${fields.join('\n')}\n    };`;
  });
  return `// Written by millrace from what the engine says the models return. Do not edit.\nimport 'millrace';\n\ndeclare module 'millrace' {\n  interface ModelRows {\n${models.join('\n')}\n  }\n}\n`;
}
