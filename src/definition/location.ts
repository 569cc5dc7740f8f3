/** Where in the user's files a definition was made, for messages. */
export interface SourceLocation {
  readonly file: string;
  /** Absent where it is about the file as a whole. */
  readonly line?: number;
}

const LOCATION = Symbol.for('millrace.location');
const OWN_FILES = /[\\/](src|dist)[\\/]definition[\\/]|node_modules[\\/]millrace[\\/]|^node:/;

/** The first frame of the stack that is not ours. */
export function callerLocation(): SourceLocation | undefined {
  const stack = new Error().stack?.split('\n').slice(1) ?? [];
  for (const frame of stack) {
    const match = /\(?((?:file:\/\/)?[^\s()]+):(\d+):\d+\)?$/.exec(frame.trim());
    if (!match?.[1] || OWN_FILES.test(match[1])) continue;
    return { file: match[1].replace(/^file:\/\//, ''), line: Number(match[2]) };
  }
  return undefined;
}

/** Remembers on a definition where it was made, out of sight of JSON and Object.keys. */
export function rememberLocation(definition: object): void {
  Object.defineProperty(definition, LOCATION, { value: callerLocation(), enumerable: false });
}

export function locationOf(definition: object): SourceLocation | undefined {
  return (definition as { [LOCATION]?: SourceLocation })[LOCATION];
}

export function locationText(location: SourceLocation | undefined): string {
  if (!location) return 'the pipeline file';
  return location.line === undefined ? location.file : `${location.file}:${location.line}`;
}
