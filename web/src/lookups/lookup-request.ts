import type { NamedField } from '../../../src/core/field-types.ts';
import type { LookupPlan, Plan, StreamPlan } from '../../../src/plan/plan.ts';
import { apiResponse } from '../api.ts';

/** What the page asks of a lookup: its key and leading sort parts. */
export interface LookupRequest {
  readonly lookup: string;
  readonly key: string;
  readonly parts: readonly string[];
}

export type LookupItem = { readonly [field: string]: unknown };

export interface LookupAnswer {
  readonly items: readonly LookupItem[];
  /** Where the next page starts; absent on the last. */
  readonly cursor?: string;
  readonly ms: number;
}

export const PAGE_ITEMS = 100;

/** `/v1/lookups/invoices/1000001/21034?limit=100` */
export function requestPath({ lookup, key, parts }: LookupRequest, cursor?: string): string {
  const path = [key, ...parts].map(encodeURIComponent).join('/');
  const query = new URLSearchParams({ limit: String(PAGE_ITEMS), ...(cursor ? { cursor } : {}) });
  return `/v1/lookups/${lookup}/${path}?${query}`;
}

export async function askLookup(
  request: LookupRequest,
  { cursor, signal }: { cursor?: string; signal?: AbortSignal } = {},
): Promise<LookupAnswer> {
  const startMs = performance.now();
  const response = await apiResponse(requestPath(request, cursor), { signal });
  const body = (await response.json()) as LookupItem & { items?: unknown; cursor?: string };
  const ms = performance.now() - startMs;
  // A full key is answered with its row alone.
  return Array.isArray(body.items)
    ? {
        items: body.items as LookupItem[],
        ...(body.cursor === undefined ? {} : { cursor: body.cursor }),
        ms,
      }
    : { items: [body], ms };
}

/** A part of the key as a person enters it. */
export interface KeyPart {
  readonly name: string;
  /** Undefined for `sequence`, the record's number in the stream. */
  readonly field: NamedField | undefined;
}

export interface LookupShape {
  readonly lookup: LookupPlan;
  readonly stream: StreamPlan;
  readonly key: KeyPart;
  readonly sort: readonly KeyPart[];
}

export function lookupShape(plan: Plan, name: string): LookupShape | undefined {
  const lookup = plan.lookups.find((candidate) => candidate.name === name);
  const stream = plan.streams.find((candidate) => candidate.name === lookup?.from);
  if (!lookup || !stream) return undefined;
  const part = (field: string): KeyPart => ({
    name: field,
    field: stream.fields.find((candidate) => candidate.name === field),
  });
  return {
    lookup,
    stream,
    key: part(lookup.key),
    sort: lookup.sort.map((field) =>
      field === null ? { name: 'sequence', field: undefined } : part(field),
    ),
  };
}
