/** For settings that expect rws to terminate TLS. */
export const NO_TERMINATION = "rws does not terminate TLS: put a TLS terminator in front"
