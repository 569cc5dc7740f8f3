export interface Listing {
  /** Locations of objects, in the order of their keys. */
  readonly objects: readonly string[];
  /** Locations of folders, without a slash at their end. */
  readonly folders: readonly string[];
}

export interface ListRequest {
  readonly bucket: string;
  /** Ends with a slash, or is empty. */
  readonly prefix: string;
  /** With all that is in folders below it. */
  readonly deep: boolean;
}

/** ListObjectsV2, page by page. */
export async function listedObjects(
  { bucket, prefix, deep }: ListRequest,
  ask: (query: { readonly [name: string]: string }) => Promise<string>,
): Promise<Listing> {
  const objects: string[] = [];
  const folders: string[] = [];
  let next: string | undefined;
  do {
    const page = await ask({
      'list-type': '2',
      prefix,
      // Keys may have characters that XML has not.
      'encoding-type': 'url',
      ...(deep ? {} : { delimiter: '/' }),
      ...(next === undefined ? {} : { 'continuation-token': next }),
    });
    const isEncoded = /<EncodingType>url<\/EncodingType>/.test(page);
    const locations = (of: string, tag: string): string[] =>
      [...page.matchAll(new RegExp(`<${of}>.*?<${tag}>([^<]*)</${tag}>.*?</${of}>`, 'gs'))].map(
        ([, key = '']) => `s3://${bucket}/${keyText(key, isEncoded)}`,
      );
    objects.push(...locations('Contents', 'Key'));
    folders.push(...locations('CommonPrefixes', 'Prefix').map((path) => path.replace(/\/$/, '')));
    const [, token] = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(page) ?? [];
    next = token === undefined ? undefined : xmlText(token);
  } while (next !== undefined);
  // Some tools make an object for the folder itself.
  return { objects: objects.filter((location) => !location.endsWith('/')), folders };
}

/** Spaces come as plus signs from AWS. */
const keyText = (key: string, isEncoded: boolean): string =>
  isEncoded ? decodeURIComponent(xmlText(key).replaceAll('+', ' ')) : xmlText(key);

const ENTITIES: { readonly [name: string]: string } = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

const xmlText = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
