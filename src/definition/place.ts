import { invalidDefinition } from './invalid.ts';

/** A bucket's name is checked by the store; what is checked here is that there is one. */
const S3_PLACE = /^s3:\/\/[^/\s]+(\/\S*)?$/;

/** A folder or a place in S3 that something is kept in. */
export function requirePlace(
  title: string,
  option: string,
  { place, what }: { readonly place: unknown; readonly what: string },
): string {
  const isText = typeof place === 'string' && place.trim() !== '';
  if (isText && (!/^\w+:\/\//.test(place) || S3_PLACE.test(place))) return place;
  throw invalidDefinition(
    title,
    `\`${option}\` must be a folder, or 's3://bucket/prefix': where ${what}.`,
  );
}
