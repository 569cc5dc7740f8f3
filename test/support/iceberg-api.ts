import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { parseIcebergJson } from '../../src/lake/iceberg/json.ts';

/** The OpenAPI document of the Iceberg REST catalog, unchanged (Apache-2.0; apache/iceberg, 2026-08-21). */
const DOCUMENT = fileURLToPath(new URL('../lake/rest-catalog-open-api.yaml', import.meta.url));

interface Response {
  readonly $ref?: string;
  readonly content?: { readonly 'application/json'?: { readonly schema: object } };
}

interface Document {
  readonly paths: {
    readonly [path: string]: {
      readonly [method: string]: { readonly responses: { readonly [status: string]: Response } };
    };
  };
  readonly components: { readonly responses: { readonly [name: string]: Response } };
}

const document = parse(readFileSync(DOCUMENT, 'utf8')) as Document;
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(document, 'catalog');
const compiled = new Map<string, ValidateFunction>();

/** What is wrong with a value, by a schema of the document; empty where nothing is. */
function faults(pointer: string, value: unknown): string[] {
  const known = compiled.get(pointer) ?? ajv.compile({ $ref: `catalog#${pointer}` });
  compiled.set(pointer, known);
  if (known(value)) return [];
  return (known.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** A metadata file of a table, or what is wrong with it. */
export const metadataFaults = (text: string): string[] =>
  faults('/components/schemas/TableMetadata', JSON.parse(text));
export const viewFaults = (text: string): string[] =>
  faults('/components/schemas/ViewMetadata', JSON.parse(text));
/** A body of a request, so that tests send what the document means. */
export const requestFaults = (schema: string, body: unknown): string[] =>
  faults(`/components/schemas/${schema}`, JSON.parse(JSON.stringify(body)));

export interface CatalogAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: its form is checked by the document
  readonly body: any;
  readonly text: string;
  readonly headers: Headers;
}

/** Asks the catalog; an answer that is not as the document has it is an error here. */
export class CatalogClient {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(server: string, headers: Readonly<Record<string, string>> = {}) {
    this.url = `${server}/iceberg`;
    this.#headers = headers;
  }

  /** `path`: as in the document, `/v1/namespaces/lake`. A string as body is sent as it is. */
  async ask(
    method: string,
    path: string,
    body?: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<CatalogAnswer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...this.#headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const found = answerFaults(method.toLowerCase(), path, response.status, text);
    if (found.length > 0)
      throw new Error(
        `${method} ${path} answered ${response.status}: ${found.join('; ')}\n${text.slice(0, 2000)}`,
      );
    return {
      status: response.status,
      body: text === '' ? undefined : parseIcebergJson(text),
      text,
      headers: response.headers,
    };
  }
}

/** 406 is what clients take for "not supported" (ErrorHandlers of Iceberg), whatever the route. */
const EVERYWHERE: { readonly [status: string]: string } = {
  '406': '/components/schemas/IcebergErrorResponse',
};

function answerFaults(method: string, address: string, status: number, text: string): string[] {
  const path = pathOf(address.split('?')[0] as string);
  const operation = path === undefined ? undefined : document.paths[path]?.[method];
  if (!path || !operation) return [`the document has no ${method} ${address}`];
  const name = [String(status), `${String(status)[0]}XX`].find((one) => operation.responses[one]);
  if (name === undefined) {
    const schema = EVERYWHERE[status];
    if (schema) return faults(schema, JSON.parse(text));
    return [`the document has no status ${status}`];
  }
  const own = `/paths/${escaped(path)}/${method}/responses/${name}`;
  const given = operation.responses[name] as Response;
  const pointer = given.$ref === undefined ? own : given.$ref.slice(1);
  const response =
    given.$ref === undefined
      ? given
      : (document.components.responses[given.$ref.split('/').at(-1) as string] as Response);
  if (!response.content || method === 'head')
    return text === '' ? [] : [`the document has no body for status ${status}`];
  const body = JSON.parse(text) as { readonly error?: unknown };
  const found = faults(`${pointer}/content/application~1json/schema`, body);
  const inner = response.content['application/json']?.schema as { readonly $ref?: string };
  // For some errors the document names the inside of what its examples, and all clients, have.
  if (found.length === 0 || !inner.$ref?.endsWith('/ErrorModel')) return found;
  return faults('/components/schemas/IcebergErrorResponse', body);
}

/** The prefix is optional in addresses; here there is none. */
function pathOf(address: string): string | undefined {
  return Object.keys(document.paths).find((path) =>
    new RegExp(`^${path.replace('/{prefix}', '').replace(/\{[^}]+\}/g, '[^/]*')}$`).test(address),
  );
}

const escaped = (path: string): string =>
  encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'));
