/** Every limit of the product, each with its reason. Units are the last word of the name. */
export const LIMITS = Object.freeze({
  /** Kinesis' own limit; larger values belong in files. */
  recordBytesMax: 1024 * 1024,
  /** Of streams that programs make, where they ask for it: Kinesis' own limit for large records, in base64, and its key. */
  createdRecordBytesMax: 14 * 1024 * 1024,
  /** Of Kinesis: 10 MiB of data, in base64, and what stands around it. */
  awsRequestBytesMax: 24 * 1024 * 1024,
  /** Of answers with records of Kinesis, in base64, from when they are asked for until they have left. */
  awsAnswersBytesMax: 256 * 1024 * 1024,
  /** What one of them takes: 4 MiB and a last piece, in base64; one record of the largest size takes more. */
  awsAnswerBytesMax: 8 * 1024 * 1024,
  /** Deeper values break recursive readers; real events stay below ten. */
  recordDepthMax: 64,
  /** A JSON control request (SQL, keys) is small. */
  requestBytesMax: 1024 * 1024,
  /** A commit of a table of many columns and snapshots. */
  catalogRequestBytesMax: 32 * 1024 * 1024,
  /** A keyed request must fit one commit, so that a retry finds all of it or nothing. */
  keyedRequestBytesMax: 8 * 1024 * 1024,
  /** An unkeyed body is stored piece by piece; this bounds one connection's work. */
  streamingBytesMax: 4 * 1024 * 1024 * 1024,
  /** A compressed body up to this size, inflated, is checked to its end before anything of it is stored. */
  inflatedHeldBytesMax: 16 * 1024 * 1024,
  /** Of all such bodies at one time; past it they are stored piece by piece, as larger ones are. */
  inflatedHeldTogetherBytesMax: 128 * 1024 * 1024,
  /** What is inflated of a body beyond this takes turns with other such bodies: a bomb costs others one piece. */
  inflatedAtOnceBytes: 1024 * 1024,
  /** Logs become twenty to fifty times as long. */
  inflatedRatioMax: 100,
  /** Between two pieces of all bodies past that ratio: 10 to 25 MB a second are left for them. */
  inflatedPauseMs: 5,
  /** What RFC 8878 (3.1.1.1.2) asks of a decoder; each body that is being inflated holds one. */
  zstdWindowBytesMax: 8 * 1024 * 1024,
  zstdWindowsBytesMax: 256 * 1024 * 1024,
  /** Of bodies that were received and wait for their turn: past it requests are told to come again. */
  receivedBytesMax: 64 * 1024 * 1024,
  /** Of bodies, taken apart and not yet on disk. What comes meanwhile waits, which costs less than more memory. */
  piecesAtOnce: 128,
  /** Records staged but not yet on disk: past this producers are told to wait. */
  inFlightBytesMax: 64 * 1024 * 1024,
  /** An answer with more refusals than this would be larger than the request. */
  refusalsReportedMax: 1000,
  /** Small enough to compress or drop alone, large enough to keep file counts low. */
  segmentBytesMax: 128 * 1024 * 1024,
  idempotencyWindowMs: 24 * 60 * 60 * 1000,
  idempotencyKeyBytesMax: 255,
  /** Of one stream; each takes two bytes of memory and sixteen of disk. */
  dedupeIdsMax: 64_000_000,
  /** More shards than this cost more in padding than they give. */
  shardsMax: 256,
  /** Each holds back retention; forgotten ones fill the disk. */
  namedConsumersMax: 100,
  /** DuckDB and Iceberg readers slow down past this. */
  fieldsMax: 1000,
  /** LMDB's keys end at 1,978 bytes; half is left for sort parts. */
  lookupKeyBytesMax: 1024,
  lookupPageItemsMax: 1000,
  lookupPageItemsDefault: 100,
  queryDeadlineMs: 60_000,
  /** A respawned engine loads what is not delivered first; longer, and asking again is better than waiting. */
  queryCatchUpMs: 10_000,
  /** A reader that takes nothing for so long is gone; a slow one may take as long as it needs. */
  resultStallMs: 60_000,
  /** Results whose readers are slow lie on disk meanwhile. */
  resultsSentAtOnceMax: 64,
  /** To one person. */
  resultsSentEachMax: 32,
  /** interrupt() does not stop every query (reliability.md §6.4): after this the child is killed. */
  queryKillGraceMs: 2000,
  queryRowsMax: 1_000_000,
  queryBytesMax: 256 * 1024 * 1024,
  queryTextBytesMax: 256 * 1024,
  /** Of one person. */
  savedQueriesMax: 500,
  /** Small results that are given again while their tables are unchanged. */
  resultCacheBytesMax: 64 * 1024 * 1024,
  resultCacheResultsMax: 1000,
  /** More at once only makes each slower: DuckDB uses all cores for one query. */
  queriesRunningMax: 8,
  /** Of one person. */
  queriesRunningEachMax: 4,
  queriesQueuedMax: 200,
  /** Of one person. */
  queriesQueuedEachMax: 100,
  queryMemory: '1GB',
  /** Of the SQL process: what functions take beside the engine's limit is in it. */
  queryProcessBytesMax: 2 * 1024 ** 3,
  engineMemory: '2GB',
  liveMemory: '2GB',
  /** A cube with more groups answers no faster than its source. */
  cubeCellsMax: 1_000_000,
  cubesMax: 64,
  /** Of one source; the least used go first. */
  cubeBytesMax: 256 * 1024 * 1024,
  /** A dashboard that is slower than this is answered with an error, chart by chart. */
  dashboardDeadlineMs: 20_000,
  /** Choices of a select, and categories of a chart. */
  choicesMax: 1000,
  /** Changes are told to open pages at most this often. */
  liveIntervalMs: 150,
  /** Open pages that are told of changes. */
  subscribersMax: 500,
  /** Open reads of streams; each holds a piece while its reader takes it. */
  readersMax: 200,
  /** What is read of the log in one go for a reader, and about what is sent to it in one go. */
  readerWindowBytes: 64 * 1024,
  readerPieceBytesMax: 256 * 1024,
  /** Of the four threads that files have, the others stay for commits. */
  readsAtOnce: 2,
  /** A reader that does not take one piece in this time is gone. */
  readerStallMs: 60_000,
  readerHeartbeatMs: 15_000,
  /** A reader has this long to take its last piece when the server ends. */
  readerEndGraceMs: 2000,
  /** A picture is drawn in a tenth of a second to one; what waits longer than a few of them is not wanted any more. */
  picturesQueuedMax: 32,
  /** Drawing cannot be interrupted: after this its child is killed. */
  renderDeadlineMs: 20_000,
  /** The child that draws starts in a third of a second; kept, it takes 100 MB. */
  renderIdleMs: 60_000,
  /** What a dashboard of a hundred charts and a picture of 40 million pixels need, and no more. */
  renderHeapMb: 512,
  hotBatchBytesMax: 32 * 1024 * 1024,
  deliveryBatchBytesMax: 256 * 1024 * 1024,
  deliveryRetryMs: 5000,
  retentionCheckMs: 60_000,
  drainDeadlineMs: 20_000,
  childStartDeadlineMs: 20_000,
  modelDeadlineMs: 15 * 60_000,
  runsKept: 1000,
  requestTimeoutMs: 10 * 60_000,
  headersTimeoutMs: 20_000,
  connectionsMax: 5000,
  /** Of one connection of HTTP/2; clients of Kinesis open as many as that at most. */
  http2StreamsMax: 256,
  http2IdleMs: 5 * 60_000,
  /** Snapshots kept in a table's metadata; more makes each commit rewrite a larger file. */
  snapshotsKept: 100,
  /** Younger snapshots stay beside them: other programs' commits take so long at most. */
  snapshotYoungMs: 2 * 60_000,
  /** However young: the metadata would grow with each commit. */
  snapshotsYoungMax: 500,
  /** Cut in steps: finding what only the old snapshots reach costs reading all that is kept. */
  snapshotsExpiredAtOnce: 20,
  /** Manifests of one spec beyond this are merged: planning reads them all. */
  manifestsMax: 100,
  /** Larger ones are not merged again: each merge writes all of them anew. */
  manifestBytes: 8 * 1024 * 1024,
  /** Who began to read a snapshot before it expired has this long to read its files. */
  tableFilesGraceMs: 10 * 60_000,
  /** What a data file should have: fewer are slow to plan, larger ones slow to rewrite. */
  tableFileBytes: 256 * 1024 * 1024,
  /** Smaller ones are put together with others. */
  tableFileSmallBytes: 128 * 1024 * 1024,
  /** By itself: each row is then rewritten once for each eightfold of its file. */
  tableFilesCompactedMin: 8,
  maintenanceIntervalMs: 60_000,
  /** Files that no snapshot reaches are somebody's commit under way, until they are older. */
  tableOrphanAgeMs: 24 * 60 * 60_000,
  /** Of one request to the bucket of a lake that sends or gets little. */
  lakeRequestMs: 30_000,
  /** Of one that sends or gets a file, or a part of one: 64 MB at 2 Mbit/s. */
  lakeTransferMs: 5 * 60_000,
  /** Larger files go to a bucket in parts: one that fails is sent again, not all of it. */
  lakePartBytesMin: 16 * 1024 * 1024,
  /** S3 takes 10,000 parts. */
  lakePartsMax: 9000,
  lakeTransfersAtOnce: 4,
  /** Of data files of a lake in a bucket that are kept here for being read; a query can read no more. */
  lakeCacheBytesMax: 20 * 1024 * 1024 * 1024,
  /** Then a query says how far its files have come; below `queryDeadlineMs`, which would say less. */
  lakeFetchWaitMs: 40_000,
  /** The same of a dashboard, in which charts wait for each other. */
  lakeFetchLiveWaitMs: 8000,
  /** Who owns a lake in a bucket says so this often … */
  lakeBeatMs: 10_000,
  /** … and, where nothing was said for so long, another may take it. */
  lakeLeaseMs: 45_000,
  /** A model that runs after its inputs changed does so at most this often. */
  onChangeIntervalMs: 60_000,
  /** The least of NIST SP 800-63B; length counts, kinds of characters do not. */
  passwordCharactersMin: 8,
  passwordBytesMax: 1024,
  /** The longest e-mail address. */
  userNameCharactersMax: 254,
  /** A hash keeps one core busy for a quarter of a second, and one of the four threads that files need too. */
  passwordHashesAtOnce: 1,
  passwordHashesQueuedMax: 16,
  /** A person may mistype; a machine guesses a thousand times a day, of 2·10¹¹ for eight random letters. */
  loginFailuresPerUserMax: 10,
  /** Many people may share an address. */
  loginFailuresPerAddressMax: 100,
  loginFailureWindowMs: 15 * 60_000,
  /** Names and addresses whose failures are remembered; bounds memory. */
  loginCountersMax: 10_000,
  sessionAgeMaxMs: 14 * 24 * 60 * 60 * 1000,
  sessionIdleMaxMs: 24 * 60 * 60 * 1000,
  /** That a session is in use is written at most this often: a read must not cost a commit. */
  sessionUseIntervalMs: 5 * 60_000,
  /** Browsers and devices of one person. */
  sessionsPerUserMax: 20,
});
