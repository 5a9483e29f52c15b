/** The program could not run, for a reason outside its configuration. The message says why; the exit code is 1. */
export class RunError extends Error {}
