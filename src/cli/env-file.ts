import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PreparedPipeline } from '../app/prepare.ts';
import type { NamedField } from '../core/field-types.ts';
import { jsonTypescript, typescriptValue } from '../plan/type-mapping.ts';

/** Writes `millrace-env.d.ts` beside the pipeline: the row types of its models and endpoints, for `tsc`. Returns its path. */
export async function writeEnvFile(pipeline: PreparedPipeline): Promise<string> {
  const path = join(dirname(pipeline.file), 'millrace-env.d.ts');
  const text = envText(pipeline);
  // An unchanged file keeps its time, so that tools that watch it rest.
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  return path;
}

function envText({ plan, columns, endpointColumns }: PreparedPipeline): string {
  const models = rowTypes(plan.models, columns, typescriptValue);
  const endpoints = rowTypes(plan.endpoints, endpointColumns, jsonTypescript);
  return `// Written by millrace from what the engine says models and endpoints return. Do not edit.
import 'millrace';

declare module 'millrace' {
  interface ModelRows {
${models}
  }
  interface EndpointRows {
${endpoints}
  }
}
`;
}

function rowTypes(
  definitions: readonly { readonly name: string }[],
  columns: ReadonlyMap<string, readonly NamedField[]>,
  typeOf: (column: NamedField) => string,
): string {
  const types = definitions.map(({ name }) => {
    const fields = (columns.get(name) ?? []).map(
      (column) => `      ${JSON.stringify(column.name)}: ${typeOf(column)};`,
    );
    return `    ${name}: {\n${fields.join('\n')}\n    };`;
  });
  return types.join('\n');
}
