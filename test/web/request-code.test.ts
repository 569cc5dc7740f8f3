import { expect, test } from 'vitest';
import { requestPath } from '../../web/src/lookups/lookup-request.ts';
import { requestCode } from '../../web/src/lookups/request-code.ts';

const ODD = `it's "50%" / ü\n\\x`;
const origin = 'http://127.0.0.1:4000';
const request = { lookup: 'by_id', key: ODD, parts: ['a/b'] };

test('keys are percent-encoded as segments of the path', () => {
  const [, , , , key, part, ...others] = requestPath(request).split('?')[0]?.split('/') ?? [];
  expect(others).toEqual([]);
  expect([key, part].map((text) => decodeURIComponent(text ?? ''))).toEqual([ODD, 'a/b']);
});

test('whatever the key, the code is whole: quotes are escaped in each language', () => {
  const code = requestCode({ request, origin, needsKey: false });
  expect(code['curl']).toMatch(/^curl -s '[^']*(?:'\\''[^']*)*'$/);
  const literal = /lookup\(by_id, ('.*'), 'a\/b'\)/.exec(code['TypeScript'] ?? '')?.[1];
  expect(new Function(`return ${literal}`)()).toBe(ODD);
  expect(code['Python']).toContain(JSON.stringify(origin + requestPath(request)));
});

test('where programs need a key, it is in each', () => {
  for (const text of Object.values(requestCode({ request, origin, needsKey: true })))
    expect(text).toContain('mr_…');
});
