import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  canonicalRequest,
  parseSignature,
  type SignedRequest,
  signatureOf,
  verifySignature,
} from '../../src/wire/aws-api/sigv4.ts';

interface Case {
  readonly req: string;
  readonly creq: string;
  readonly sts: string;
  readonly authz: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL('aws4-test-suite.json', import.meta.url), 'utf8'),
) as { cases: { readonly [name: string]: Case } };
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const SIGNED_MS = Date.parse('2015-08-30T12:36:00Z');

/** A request as its file writes it, with its lines of one header joined as Node does. */
function requestOf({ req, creq, authz }: Case): SignedRequest {
  const [head = '', ...body] = req.split('\n\n');
  const [first = '', ...lines] = head.trimEnd().split('\n');
  const [, method = '', url = ''] = /^(\S+) (.*) HTTP/.exec(first) ?? [];
  const headers: { [name: string]: string } = {};
  // Added by who signs, and left out of the file of the request.
  const token = /^x-amz-security-token:(.*)$/m.exec(creq)?.[1];
  if (token && !/^x-amz-security-token:/im.test(req)) headers['x-amz-security-token'] = token;
  let last = '';
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) headers[last] += ` ${line.trim()}`;
    else {
      last = name.toLowerCase();
      headers[last] = headers[last] === undefined ? value : `${headers[last]},${value}`;
    }
  }
  return {
    method,
    url,
    headers: { ...headers, authorization: authz },
    body: Buffer.from(body.join('\n\n')),
  };
}

describe("AWS's own test suite of Signature Version 4", () => {
  for (const [name, one] of Object.entries(cases))
    test(name, () => {
      const request = requestOf(one);
      const parsed = parseSignature(request);
      expect(canonicalRequest(request, parsed.signedHeaders)).toBe(one.creq);
      expect(signatureOf(request, parsed, SECRET)).toBe(parsed.signature);
      verifySignature(request, parsed, { secret: SECRET, nowMs: SIGNED_MS });
    });
});

describe('a signature is refused', () => {
  const vanilla = cases['post-vanilla'] as Case;
  const refusal = (change: (request: SignedRequest) => SignedRequest, nowMs = SIGNED_MS) => {
    const request = change(requestOf(vanilla));
    return () => verifySignature(request, parseSignature(request), { secret: SECRET, nowMs });
  };
  const withHeader = (name: string, value: string | undefined) => (request: SignedRequest) => ({
    ...request,
    headers: { ...request.headers, [name]: value },
  });

  test('of another body, path, header or secret', () => {
    const body = Buffer.from('{}');
    for (const change of [
      (request: SignedRequest) => ({ ...request, body }),
      (request: SignedRequest) => ({ ...request, url: '/other' }),
      withHeader('host', 'other.example.com'),
    ])
      expect(refusal(change)).toThrow(
        expect.objectContaining({ type: 'InvalidSignatureException', status: 400 }),
      );
    const request = requestOf(vanilla);
    const verify = () =>
      verifySignature(request, parseSignature(request), { secret: 'other', nowMs: SIGNED_MS });
    expect(verify).toThrow('does not match');
  });

  test('whose body is another than its own header says', () => {
    const body = Buffer.from('{}');
    const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const change = (request: SignedRequest) => ({
      ...withHeader('x-amz-content-sha256', hash)(request),
      body,
    });
    expect(refusal(change)).toThrow('does not match');
  });

  test('of another time: five minutes are allowed in both directions', () => {
    const same = (request: SignedRequest) => request;
    for (const late of [-299_000, 299_000]) refusal(same, SIGNED_MS + late)();
    expect(refusal(same, SIGNED_MS + 301_000)).toThrow('Signature expired');
    expect(refusal(same, SIGNED_MS - 301_000)).toThrow('Signature not yet current');
    expect(refusal(withHeader('x-amz-date', 'yesterday'))).toThrow('ISO-8601');
  });

  test('without one of its parts, naming it', () => {
    const authorization = (text: string | undefined) => withHeader('authorization', text);
    expect(refusal(authorization(undefined))).toThrow(
      expect.objectContaining({ type: 'MissingAuthenticationTokenException' }),
    );
    for (const [text, named] of [
      ['AWS4-HMAC-SHA256 Credential=a/20150830/us-east-1/service/aws4_request', 'Signature'],
      ['AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b', 'key/date/region'],
      ['Basic Zm9vOmJhcg==', 'AWS4-HMAC-SHA256'],
      ['', 'Credential'],
    ] as const)
      expect(refusal(authorization(text)), text).toThrow(
        expect.objectContaining({
          type: 'IncompleteSignatureException',
          message: expect.stringContaining(named),
        }),
      );
    expect(refusal(withHeader('x-amz-date', undefined))).toThrow("'X-Amz-Date'");
  });
});
