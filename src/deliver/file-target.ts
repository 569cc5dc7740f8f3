/**
 * Where files are delivered.
 *
 * Contract:
 * F1  What `publish` has put under a name is there whole when it resolves, and survives a power cut.
 * F2  `publish` of a file that is there already succeeds: a delivery that was cut off is repeated.
 * F3  A target that is away is an error, never taken for one without files.
 */
export interface FileTarget {
  readonly place: string;
  /** Where unfinished files of a log are: on the disk of the target where it is one. */
  stagingOf(epoch: string): string;
  /** @param name below the target, with `/` between folders */
  publish(staged: string, name: string): Promise<void>;
}
