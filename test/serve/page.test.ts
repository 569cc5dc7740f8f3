import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGE_ROUTES } from '../../src/serve/page.ts';

test('the server answers for the pages that the browser draws, and for no other', () => {
  const routes = readFileSync(new URL('../../web/src/routes.ts', import.meta.url), 'utf8');
  const drawn = [...routes.matchAll(/path: '([^']+)'/g)].map(([, path]) => path);
  expect([...PAGE_ROUTES].sort()).toEqual(drawn.sort());
});
