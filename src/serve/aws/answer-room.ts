import { LIMITS } from '../../core/limits.ts';
import { AwsError } from '../../wire/aws-api/aws-error.ts';

/**
 * Room for answers with records: programs that do not take theirs would fill the memory. Past it they are told to
 * come again, as AWS does past two megabytes a second.
 */
export class AnswerRoom {
  #bytes = 0;

  /** Takes room for one answer; what is returned gives it back, once. @throws AwsError ProvisionedThroughputExceededException */
  take(): () => void {
    if (this.#bytes + LIMITS.awsAnswerBytesMax > LIMITS.awsAnswersBytesMax)
      throw new AwsError(
        'ProvisionedThroughputExceededException',
        `Answers to other GetRecords hold ${this.#bytes} bytes that their programs have not taken yet. Ask again in a second.`,
      );
    this.#bytes += LIMITS.awsAnswerBytesMax;
    let isTaken = true;
    return () => {
      if (isTaken) this.#bytes -= LIMITS.awsAnswerBytesMax;
      isTaken = false;
    };
  }
}
