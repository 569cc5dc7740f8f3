/** An answer of the API in JSON 1.1. */
export interface Answer {
  readonly status: number;
  readonly body: { readonly [member: string]: unknown };
}

const TARGETS = { kinesis: 'Kinesis_20131202', firehose: 'Firehose_20150804' } as const;

/** Calls without an SDK; who signs is not looked at. */
export async function call(
  endpoint: string,
  operation: string,
  input: object | string,
  service: keyof typeof TARGETS = 'kinesis',
): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${TARGETS[service]}.${operation}`,
      'x-amz-date': '20260101T000000Z',
      authorization: `AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: typeof input === 'string' ? input : JSON.stringify(input),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
}
