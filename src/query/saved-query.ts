/** A statement that somebody keeps under a name. */
export interface SavedQuery {
  readonly name: string;
  readonly owner: string;
  readonly sql: string;
  /** Others see it, too; only its owner changes it. */
  readonly shared: boolean;
  readonly changedMs: number;
}

/** Each person has names of his own. */
export const savedQueryKey = (owner: string, name: string): string => JSON.stringify([owner, name]);
