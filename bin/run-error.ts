/** rws could not run, for a reason outside its configuration, which the message says. Exit code 1. */
export class RunError extends Error {}
