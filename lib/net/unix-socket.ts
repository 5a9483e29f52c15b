/**
 * Binds a Unix socket. If several programs compete for a path, exactly one gets it, and none removes the
 * socket of another.
 *
 * The socket is bound under a temporary name in the same folder, gets its permissions there, and is renamed
 * to its path once it listens. So the path never refers to a socket that doesn't accept yet. At close libuv
 * unlinks the temporary name, which no longer exists. We remove the path ourselves, and only if it is still
 * our socket.
 *
 * The rename happens under a lock: a hard link to our own listening socket, under a name derived from the
 * path. link() fails if the lock exists, and a lock without a listener was left behind by a program that has
 * crashed.
 */
import cluster from "node:cluster"
import { createHash, randomBytes } from "node:crypto"
import { lstatSync, type Stats, unlinkSync } from "node:fs"
import { chmod, link, lstat, rename, unlink } from "node:fs/promises"
import { connect } from "node:net"
import { basename, dirname, join } from "node:path"
import { MAX_UNIX_PATH_BYTES } from "../address/address.js"

export interface UnixSocket {
  readonly path: string
  /** Permissions, e.g. 0o660. Default: by the umask. */
  readonly mode: number | undefined
  /** Whether the path may be taken from a program that listens there. Default: no. */
  readonly mayTakeOver?: boolean
}

/** Temporary names: `.rws-` and six hexadecimal digits, or the end of that if the folder's path is long. */
const NAME_BYTES = 11
const MIN_NAME_BYTES = 6

/**
 * Binds the socket to its path. Resolves to a function that removes the path: call it before closing the
 * server, since another program may replace a socket that no longer accepts.
 *
 * Rejects with the system's error; EADDRINUSE also if the path is not a socket, and while another program is
 * about to listen there. Close the server then: it may be bound to its temporary name.
 * @param bind makes the server listen on a path
 */
export async function bindUnixSocket(
  { path, mode, mayTakeOver = false }: UnixSocket,
  bind: (path: string) => Promise<void>,
): Promise<() => void> {
  const folder = dirname(path)
  const room = Math.min(NAME_BYTES, MAX_UNIX_PATH_BYTES - Buffer.byteLength(join(folder, "/")))
  // In node:cluster the primary binds, and workers that ask for the same name share its handle.
  const isInPlace = cluster.isWorker || room < MIN_NAME_BYTES
  if (isInPlace) await removeIfStale(path)
  const bound = isInPlace ? path : join(folder, nameOf(randomBytes(3), room))
  await bind(bound)
  if (mode !== undefined) await chmod(bound, mode)
  if (isInPlace) return () => {}
  const own = await lstat(bound)
  const lock = join(folder, nameOf(createHash("sha256").update(basename(path)).digest(), room))
  await publish(bound, path, lock, mayTakeOver)
  return () => removeExactly(path, own)
}

function nameOf(bytes: Buffer, length: number): string {
  return `.rws-${bytes.toString("hex", 0, 3)}`.slice(-length)
}

/** Renames a listening socket to its path, unless that is in use. The lock serializes this. */
async function publish(bound: string, path: string, lock: string, mayTakeOver: boolean): Promise<void> {
  await acquire(lock, bound, path)
  try {
    const isFree = (await occupantOf(path)) !== "live" || (mayTakeOver && (await lstat(path)).isSocket())
    if (!isFree) throw new AddressInUse(path)
    await rename(bound, path)
  } finally {
    await unlink(lock)
  }
}

/** The first attempt, one after removing a stale lock, and one after a lock that was just released. */
const LOCK_ATTEMPTS = 3

async function acquire(lock: string, bound: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    try {
      await link(bound, lock)
      return
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error
    }
    // A live holder gets the path, or finds it in use.
    if (await removeIfStale(lock)) break
  }
  throw new AddressInUse(path)
}

/** Resolves to whether the path may be in use. Removes a socket without a listener. */
async function removeIfStale(path: string): Promise<boolean> {
  const file = await lstat(path).catch(absentIfMissing)
  const occupant = await occupantOf(path)
  if (occupant === "stale" && file !== undefined) removeExactly(path, file)
  return occupant === "live"
}

/** "stale" is a socket without a listener; "live" is one that may be in use, and any other file. */
async function occupantOf(path: string): Promise<"none" | "stale" | "live"> {
  const file = await lstat(path).catch(absentIfMissing)
  if (file === undefined) return "none"
  if (!file.isSocket()) return "live"
  return new Promise((resolve) => {
    const probe = connect({ path })
    probe.once("connect", () => {
      probe.destroy()
      resolve("live")
    })
    probe.once("error", (error) => {
      if (isCode(error, "ENOENT")) resolve("none")
      else resolve(isCode(error, "ECONNREFUSED") ? "stale" : "live")
    })
  })
}

/**
 * Removes a path if it still refers to this file. Synchronous, so that no other listener of this process
 * interferes. A file system may reuse the inode number of a removed file, so the creation time is compared
 * too.
 */
function removeExactly(path: string, { dev, ino, birthtimeMs }: Stats): void {
  try {
    const file = lstatSync(path, { throwIfNoEntry: false })
    if (file?.dev === dev && file.ino === ino && file.birthtimeMs === birthtimeMs) unlinkSync(path)
  } catch (error) {
    // E.g. the folder has become read-only. The stale socket is replaced by the next listener.
    if (!["EACCES", "EPERM", "EROFS"].some((code) => isCode(error, code))) throw error
  }
}

/** The error of bind() for a path in use. */
class AddressInUse extends Error {
  readonly code = "EADDRINUSE"

  constructor(path: string) {
    super(`EADDRINUSE: address already in use ${path}`)
  }
}

function absentIfMissing(error: unknown): undefined {
  if (!isCode(error, "ENOENT")) throw error
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
