import { type LookupRequest, requestPath } from './lookup-request.ts';

interface CodeOptions {
  readonly request: LookupRequest;
  /** Of the server, `http://127.0.0.1:4000`. */
  readonly origin: string;
  /** True where the server wants a key of programs. */
  readonly needsKey: boolean;
}

/** The request as it is made elsewhere; each can be pasted as it is, but for the key. */
export function requestCode(options: CodeOptions): { readonly [language: string]: string } {
  return {
    curl: curlCode(options),
    TypeScript: typescriptCode(options),
    Python: pythonCode(options),
  };
}

const KEY = 'mr_…';

function curlCode({ request, origin, needsKey }: CodeOptions): string {
  const header = needsKey ? ` \\\n  -H 'authorization: Bearer ${KEY}'` : '';
  return `curl -s ${shellText(origin + requestPath(request))}${header}`;
}

const shellText = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function typescriptCode({ request, origin, needsKey }: CodeOptions): string {
  const key = needsKey ? `, key: ${scriptText(KEY)}` : '';
  const parts = [request.key, ...request.parts].map(scriptText).join(', ');
  return `import { client } from 'millrace/client';
import { ${request.lookup} } from './pipeline.ts'; // the export that is lookup('${request.lookup}', …)

const millrace = client({ url: ${scriptText(origin)}${key} });
const { items } = await millrace.lookup(${request.lookup}, ${parts});
console.log(items);`;
}

const scriptText = (text: string): string =>
  `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;

function pythonCode({ request, origin, needsKey }: CodeOptions): string {
  const headers = needsKey ? `, headers={'authorization': 'Bearer ${KEY}'}` : '';
  return `import requests

response = requests.get(${JSON.stringify(origin + requestPath(request))}${headers})
response.raise_for_status()
print(response.json())`;
}
