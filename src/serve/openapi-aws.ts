import { KEY, object, operation, type Part, text } from './openapi-parts.ts';

const AWS_JSON = 'application/x-amz-json-1.1';

/** For programs of AWS, which bring their own descriptions: docs/wire has what is served of them. */
export const AWS_PATHS: Part = {
  '/': {
    post: operation(
      'An operation of Kinesis Data Streams or Firehose, as their SDKs call it',
      'aws',
      { description: 'What the operation answers.', content: { [AWS_JSON]: { schema: {} } } },
      {
        ...KEY,
        operationId: 'callAws',
        parameters: [text('X-Amz-Target', 'header', 'For example `Kinesis_20131202.PutRecords`.')],
        requestBody: { required: true, content: { [AWS_JSON]: { schema: object({}) } } },
      },
    ),
  },
};
