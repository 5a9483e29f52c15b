/** Whether this Node.js can set SO_REUSEPORT. */

/**
 * `net` has the option `reusePort` since 22.12.0 and 23.1.0. Older versions ignore it, and nothing else in
 * the public API tells.
 */
export function hasReusePort(version = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
}
