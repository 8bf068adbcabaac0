/** The log of what happens to catalogs and requests. */

/** Logs a line. The error, if there is one, has the details. */
export type Log = (message: string, error?: unknown) => void;

/** Logs to the error output of the program. */
export const consoleLog: Log = (message, ...error) => console.error(`ccs-modules: ${message}`, ...error);
