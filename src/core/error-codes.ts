/**
 * The one table of error codes: what each means, what to do, and the HTTP status it is answered with.
 * `docs/reference/errors.md` is generated from it; a test holds the two together.
 */
interface ErrorCodeEntry {
  readonly status: number;
  readonly meaning: string;
  readonly fix: string;
}

const entry = (status: number, meaning: string, fix: string): ErrorCodeEntry =>
  Object.freeze({ status, meaning, fix });

export const ERROR_CODES = Object.freeze({
  // Definitions and plan
  MR_DEFINITION_INVALID: entry(
    400,
    'A definition in the pipeline file is wrong.',
    'Correct the definition at the file and line named in the message.',
  ),
  MR_PIPELINE_UNREADABLE: entry(
    400,
    'The pipeline file could not be loaded.',
    'Correct the error named in the message; it keeps the file and line.',
  ),
  MR_PLAN_BREAKING: entry(
    409,
    'The changed definition would break stored data.',
    'Undo the change, or accept it with --allow-breaking.',
  ),
  MR_PLAN_QUERY: entry(
    400,
    'The engine refuses a query of the pipeline.',
    'Correct the SQL at the place named in the message.',
  ),
  MR_PLAN_UNKNOWN: entry(
    404,
    'No definition has this name.',
    'Use one of the names listed in the message.',
  ),
  MR_PLAN_DEFINED: entry(
    409,
    'The pipeline still has a definition of this name, so its data stays.',
    'Take the definition out of the pipeline first, and have it reloaded or started again.',
  ),
  // Records
  MR_RECORD_SYNTAX: entry(
    422,
    'A record is not valid JSON.',
    'Send one JSON object per record; the message names the place.',
  ),
  MR_RECORD_ENCODING: entry(422, 'A record is not valid UTF-8.', 'Encode records as UTF-8.'),
  MR_RECORD_SHAPE: entry(
    422,
    'A record is not a JSON object.',
    'Send objects whose members are the fields of the stream.',
  ),
  MR_RECORD_TOO_LARGE: entry(
    422,
    'A record is larger than a record may be.',
    'Send a smaller record.',
  ),
  MR_RECORD_TOO_DEEP: entry(
    422,
    'A record is nested deeper than is allowed.',
    'Flatten the record.',
  ),
  MR_RECORD_DUPLICATE_KEY: entry(
    422,
    'A record has the same member twice.',
    'Send each member once.',
  ),
  MR_FIELD_MISSING: entry(
    422,
    'A required field is missing or null.',
    'Send the field, or make it .optional() in the definition.',
  ),
  MR_FIELD_UNKNOWN: entry(
    422,
    'A record has a field the stream does not define.',
    "Add the field to the definition, or set unknown: 'drop' or 'keep' on the stream.",
  ),
  MR_FIELD_TYPE: entry(
    422,
    'A value is not of the type of its field.',
    'Send the value in the form named in the message; nothing is coerced.',
  ),
  MR_FIELD_RULE: entry(
    422,
    'A value breaks a rule of its field (min, max, pattern, oneOf).',
    'Send a value that the rule allows.',
  ),
  // Requests
  MR_REQUEST_INVALID: entry(400, 'A request is not understood.', 'Correct what the message names.'),
  MR_REQUEST_NOT_FOUND: entry(
    404,
    'Nothing is at this address.',
    'See /openapi.json for all routes.',
  ),
  MR_REQUEST_METHOD: entry(
    405,
    'The address does not take this method.',
    'Use a method that the Allow header and the message name.',
  ),
  MR_REQUEST_TOO_LARGE: entry(
    413,
    'A request is larger than it may be.',
    'Send it in several requests.',
  ),
  MR_REQUEST_MEDIA_TYPE: entry(
    415,
    'The content type or content encoding is not supported.',
    'Send JSON or NDJSON, plain, gzip or zstd.',
  ),
  MR_REQUEST_ACCEPT: entry(
    406,
    'No media type that the Accept header names can be answered.',
    'Send an Accept header with a type that the message names, or none.',
  ),
  MR_REQUEST_HOST: entry(
    403,
    'The Host or Origin header names a place this server does not answer for.',
    'Call it by the address it printed, or allow the host with --allow-host.',
  ),
  MR_REQUEST_ORIGIN: entry(
    403,
    'A login, or a change with a session cookie, came from a page of another server or over plain HTTP.',
    'Send it from a page of this server, over HTTPS; or send a key instead of the cookie.',
  ),
  MR_REQUEST_CONFLICT: entry(
    409,
    'The first request with this Idempotency-Key is still running.',
    'Repeat the request a little later.',
  ),
  MR_IDEMPOTENCY_MISMATCH: entry(
    422,
    'The Idempotency-Key was used with another body.',
    'Use a new key for a new body.',
  ),
  MR_RESHARDED: entry(
    503,
    'The shards of the stream changed while the request was on its way.',
    'Send it again.',
  ),
  MR_OVERLOADED: entry(
    429,
    'More is in flight than the server takes at once.',
    'Repeat the request after the time in Retry-After.',
  ),
  MR_NOT_READY: entry(
    503,
    'A part of the server is starting or recovering.',
    'Repeat the request a little later.',
  ),
  MR_STOPPING: entry(503, 'The server is shutting down.', 'Repeat the request once it is back.'),
  // Reading
  MR_STREAM_EXPIRED: entry(
    410,
    'The records to read are no longer kept.',
    'Read from the sequence number that the message names, or with from=earliest.',
  ),
  // Access
  MR_ACCESS_UNAUTHENTICATED: entry(
    401,
    'Neither a valid key nor a session came with the request.',
    'Send Authorization: Bearer mr_…; make keys with `millrace keys create`. Or log in with POST /v1/session.',
  ),
  MR_ACCESS_DENIED: entry(
    403,
    'The key or user may not do this.',
    'Use a key or user with the role named in the message.',
  ),
  MR_ACCESS_LOGIN: entry(
    401,
    'Name or password of a login is wrong.',
    'Try again, or let an administrator set a new password with `millrace users change`.',
  ),
  MR_ACCESS_THROTTLED: entry(
    429,
    'Too many logins of this name or from this address failed.',
    'Try again after the time in Retry-After.',
  ),
  MR_ACCESS_USER_EXISTS: entry(
    409,
    'There is a user of this name already.',
    'Change it with `millrace users change`, or use another name.',
  ),
  MR_ACCESS_CLAIMED: entry(
    410,
    'The claim token was used already.',
    'Ask an administrator for a key or a user.',
  ),
  // Storage
  MR_BACKUP_UNKNOWN: entry(
    404,
    'The folder holds no backup, or none of that id.',
    'Name the folder that `millrace backup` wrote to, and an id of `millrace backup DIR --list`.',
  ),
  MR_BACKUP_REFUSED: entry(
    409,
    'A backup cannot be made there, or not restored there.',
    'Use a folder as the message says: a backup lies outside the data folder, and is restored into an empty one.',
  ),
  MR_BACKUP_DAMAGED: entry(
    500,
    'A file of a backup is missing or is not what was copied.',
    'Use another backup. Remove the named file, and the next backup copies it again.',
  ),
  MR_BACKUP_FAILED: entry(
    500,
    'A backup could not be made.',
    'Look at the reason in the message and make it again; what was copied is used.',
  ),
  MR_STORAGE_FULL: entry(
    507,
    'The disk is full; nothing more is accepted.',
    'Free disk space; the server resumes by itself.',
  ),
  MR_STORAGE_FAILED: entry(
    500,
    'A file could not be read or written.',
    'Look at the cause in the log; restart to recover.',
  ),
  MR_STORAGE_DAMAGED: entry(
    500,
    'A stored file is damaged.',
    'The file named in the message was set aside; restore it from a backup.',
  ),
  MR_STORAGE_LOCKED: entry(
    409,
    'Another process owns the data folder.',
    'Stop the process named in the message, or use another --data folder.',
  ),
  MR_STORAGE_FORMAT: entry(
    409,
    'The data folder was written in a format this version does not read.',
    'Use the version of millrace that wrote it, or upgrade.',
  ),
  MR_RAW_UNAVAILABLE: entry(
    503,
    'The raw zone of a stream cannot be reached.',
    'Look at the reason in the message; what was to be kept there stays in the data folder meanwhile.',
  ),
  MR_LAKE_UNAVAILABLE: entry(
    503,
    'The bucket that the tables are in cannot be reached, or refuses.',
    'Look at the reason in the message; `millrace doctor` tries what is needed. Records wait in the log meanwhile.',
  ),
  // Tables
  MR_TABLE_COMMIT_CONFLICT: entry(
    409,
    'The table changed since the commit was prepared.',
    'Load the table again and commit anew; Iceberg clients do so by themselves.',
  ),
  MR_TABLE_COMMIT_INVALID: entry(
    400,
    'A commit of a table is not one that the table can have.',
    'Correct the update named in the message.',
  ),
  MR_TABLE_COMMIT_UNKNOWN: entry(
    500,
    'It could not be found out whether a commit was made.',
    'Load the table and look whether the snapshot is there before committing again.',
  ),
  MR_TABLE_NOT_FOUND: entry(
    404,
    'The lake has no table, view or namespace of this name.',
    'Use a name listed in the message, or create it.',
  ),
  MR_TABLE_EXISTS: entry(
    409,
    'The lake has a table, view or namespace of this name already.',
    'Choose another name, or drop the old one.',
  ),
  MR_TABLE_DEFINED: entry(
    403,
    'The table belongs to a definition of the pipeline, which decides about it.',
    'Change the definition in the pipeline file instead.',
  ),
  MR_TABLE_LOCATION: entry(
    403,
    'The location of a table, or of a file of it, is not one the server may use.',
    'Leave locations to the catalog, or start the server with --allow-location.',
  ),
  MR_NAMESPACE_NOT_EMPTY: entry(
    409,
    'A namespace that still has tables or views cannot be dropped.',
    'Drop or rename its tables and views first.',
  ),
  MR_TABLE_UNSUPPORTED: entry(
    400,
    'A table uses a feature that is not supported.',
    'See the message for the feature.',
  ),
  MR_DELIVERY_FAILED: entry(
    500,
    'A delivery could not be completed.',
    'It is tried again by itself; see sys.deliveries.',
  ),
  // SQL
  MR_QUERY_NO_RESULT: entry(
    409,
    'A model that the query reads has no result yet.',
    'Correct what the message says of its last run, then run it with `millrace run`.',
  ),
  MR_QUERY_SYNTAX: entry(400, 'The SQL could not be parsed.', 'Correct it at the position named.'),
  MR_QUERY_FAILED: entry(
    400,
    'The engine refused or failed the query.',
    'Correct the query as the message says.',
  ),
  MR_QUERY_REFUSED: entry(
    403,
    'The statement is not allowed.',
    'Only SELECT over the tables of the pipeline is allowed.',
  ),
  MR_QUERY_LIMIT: entry(
    400,
    'The query passed a limit of time, memory or size.',
    'Ask for less, or add a LIMIT.',
  ),
  MR_QUERY_CANCELLED: entry(499, 'The query was cancelled.', 'Run it again.'),
  // Rooms
  MR_RENDER_LIMIT: entry(
    400,
    'A picture took too long to draw.',
    'Ask for a smaller picture, or for one chart of the dashboard.',
  ),
  MR_LOOKUP_KEY: entry(
    400,
    'The key or range of a lookup is not of the type of its fields.',
    'Send the key in the form named in the message.',
  ),
  MR_LOOKUP_NO_ENTRY: entry(404, 'The lookup has no entry with this key.', 'Check the key.'),
  MR_LOOKUP_KEY_TOO_LARGE: entry(
    422,
    'A lookup key is longer than a key may be.',
    'Use a shorter field as key.',
  ),
  MR_MODEL_CHECK: entry(
    422,
    'A check of the model failed; the old result is kept.',
    'See sys.checks for the rows that break the rule.',
  ),
  MR_MODEL_FAILED: entry(500, 'A run of a model failed.', 'See sys.runs for the error.'),
  MR_IMPORT_FILE: entry(400, 'A file could not be imported.', 'Correct what the message names.'),
  MR_IMPORT_ROW: entry(
    422,
    'A row of a file could not be read.',
    'Correct the row in the file; the file of the rejected rows has it as it stands.',
  ),
  MR_CHILD_FAILED: entry(
    503,
    'A child process died while it worked on this.',
    'It is back within a second; repeat the request.',
  ),
  MR_COMMAND_USAGE: entry(400, 'The command line is not understood.', 'See `millrace --help`.'),
  MR_INTERNAL: entry(
    500,
    'A defect in millrace.',
    'Please report it with the message and the log.',
  ),
});

export type ErrorCode = keyof typeof ERROR_CODES;
