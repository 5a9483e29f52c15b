/** Whether this Node.js is new enough. Old versions must be able to load this file, so it imports nothing. */

/** As in `engines` of package.json. */
const OLDEST = [20, 19]

/** What to say of a version of Node.js, as in "18.20.4", that is too old; undefined for the others. */
export function tooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined
  return `rws needs Node.js ${OLDEST.join(".")} or newer; this is ${version}`
}
