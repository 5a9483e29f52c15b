/** The command line can't be understood. The message says why; the program ends with exit code 2. */
export class UsageError extends Error {}
