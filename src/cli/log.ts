import { pino } from 'pino';
import type { Logger } from '../core/logger.ts';

/** Structured logs on standard error, quiet by default; MILLRACE_LOG sets the level. */
export function createLogger(level: string): Logger {
  const log = pino(
    {
      level: process.env['MILLRACE_LOG'] ?? level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['*.key', '*.secret', '*.token'],
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
  };
}
