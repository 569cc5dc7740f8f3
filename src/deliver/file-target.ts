/**
 * Where files are delivered.
 *
 * Contract:
 * F1  What `publish` has put under a name is there whole when it resolves, and survives a power cut.
 * F2  `publish` of a file that is there already succeeds: a delivery that was cut off is repeated.
 * F3  A target that is away is an error, never taken for one without files.
 * F4  Notes are of the delivery, not of its readers: they are where tools that read folders of data do not look.
 *
 * Names are below the target, with `/` between folders.
 */
export interface FileTarget {
  readonly place: string;
  /** Of one that has files already. @throws MillraceError MR_DELIVERY_FAILED where it is away */
  requireThere(): Promise<void>;
  /** Where unfinished files of a log are: on the disk of the target where it is one. */
  stagingOf(epoch: string): string;
  publish(staged: string, name: string): Promise<void>;
  has(name: string): Promise<boolean>;
  /** Succeeds where there is none. */
  remove(name: string): Promise<void>;
  /** Replaces the note of that name; durable when it resolves. */
  note(name: string, text: string): Promise<void>;
  /** Undefined where there is none. */
  noted(name: string): Promise<string | undefined>;
}

/** Tools that read folders of data pass over names with a dot. */
export const NOTES_FOLDER = '.millrace';
