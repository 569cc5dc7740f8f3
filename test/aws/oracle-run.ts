import { setTimeout as passed } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { type Answer, call } from './kinesis-call.ts';

/** One call of the script and what came back. */
export interface Step {
  readonly name: string;
  /** The stream it is about, where it is about one. */
  readonly stream: string;
  readonly answer: Answer;
}

/** Runs calls against one endpoint, and keeps the answers under their names. */
export class ScriptRun {
  /** What the calls to come are about. */
  stream = '';
  readonly steps: Step[] = [];
  readonly endpoint: string;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  async call(name: string, operation: string, input: object | string): Promise<Answer['body']> {
    const answer = await call(this.endpoint, operation, input);
    if (this.steps.some((step) => step.name === name))
      throw new Error(`two calls are named '${name}'`);
    this.steps.push({ name, stream: this.stream, answer });
    return answer.body;
  }

  /** Streams change in their own time: `UPDATING` is not compared. */
  async settled(StreamName: string): Promise<void> {
    await eventually(async () => {
      const { body } = await call(this.endpoint, 'DescribeStreamSummary', { StreamName });
      const summary = body['StreamDescriptionSummary'] as { StreamStatus: string } | undefined;
      return summary?.StreamStatus === 'ACTIVE' ? true : undefined;
    });
  }

  async gone(StreamName: string): Promise<void> {
    await eventually(async () => {
      const { status } = await call(this.endpoint, 'DescribeStreamSummary', { StreamName });
      return status === 400 ? true : undefined;
    });
  }

  async consumerActive(ConsumerARN: string): Promise<void> {
    await eventually(async () => {
      const { body } = await call(this.endpoint, 'DescribeStreamConsumer', { ConsumerARN });
      const consumer = body['ConsumerDescription'] as { ConsumerStatus: string } | undefined;
      return consumer?.ConsumerStatus === 'ACTIVE' ? true : undefined;
    });
  }

  async iterator(input: object): Promise<string> {
    const { body } = await call(this.endpoint, 'GetShardIterator', input);
    return body['ShardIterator'] as string;
  }

  /** Until the clock says another time: what comes now is not of the same moment. */
  async later(ms: number): Promise<void> {
    await passed(ms);
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
