/**
 * The file with the process id of a running rws. It changes hands atomically: of several programs that want
 * one path exactly one holds it, and each successor knows whom it has succeeded.
 *
 * A file appears by link(), which fails if there is one, and is taken away by rename(), which succeeds for
 * one program only. The holder keeps its file open. So a process that got the id of a dead rws is not
 * mistaken for that rws: on Linux, /proc shows which files a process has open.
 */
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs"
import { RunError } from "./run-error.js"

/** Longer than any process id. */
const MAX_BYTES = 32

/** Others that start at the same time may come first, each of them once. */
const MAX_ATTEMPTS = 100

export class PidFile {
  #fd: number | undefined

  constructor(private readonly path: string) {}

  /**
   * The process id of the running rws that holds the file; undefined if there is none.
   * @throws {RunError} when the path has another kind of file, or can't be read
   */
  holder(): number | undefined {
    return holderOf(this.path)
  }

  /** @throws {RunError} when a running rws holds the file and may not be replaced */
  check(mayReplace: boolean): void {
    refuseUnless(mayReplace, this.path, this.holder())
  }

  /**
   * Takes the file, and removes it when the process exits.
   * @param mayReplace whether it may be taken from a running rws
   * @returns the running rws from which it was taken
   * @throws {RunError} when a running rws holds it and may not be replaced
   * @throws the system's error when the file can't be written; then it is as before
   */
  take(mayReplace: boolean): number | undefined {
    const draft = `${this.path}.${process.pid}`
    try {
      this.#fd = openSync(draft, "w", 0o644)
      writeSync(this.#fd, `${process.pid}\n`)
      const previous = this.#publish(draft, mayReplace)
      process.on("exit", () => this.release())
      return previous
    } catch (error) {
      if (this.#fd !== undefined) closeSync(this.#fd)
      this.#fd = undefined
      throw error
    } finally {
      removeIfThere(draft)
    }
  }

  /** Removes the file if it is still ours. Never throws: a file that stays is replaced by the next rws. */
  release(): void {
    if (this.#fd === undefined) return
    closeSync(this.#fd)
    this.#fd = undefined
    try {
      if (read(this.path).text === String(process.pid)) unlinkSync(this.path)
    } catch {}
  }

  #publish(draft: string, mayReplace: boolean): number | undefined {
    let previous: number | undefined
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (succeeds("EEXIST", () => linkSync(draft, this.path))) return previous
      refuseUnless(mayReplace, this.path, this.holder())
      previous = this.#takeAway(`${draft}.old`, mayReplace) ?? previous
    }
    throw new RunError(`${this.path}: several programs start with this pid file at the same time`)
  }

  /** Judges the file once more after it has been moved: another program may have put a new one there. */
  #takeAway(aside: string, mayReplace: boolean): number | undefined {
    if (!succeeds("ENOENT", () => renameSync(this.path, aside))) return undefined
    try {
      const holder = holderOf(aside)
      if (!mayReplace && holder !== undefined) succeeds("EEXIST", () => linkSync(aside, this.path))
      refuseUnless(mayReplace, this.path, holder)
      return holder
    } finally {
      unlinkSync(aside)
    }
  }
}

function refuseUnless(mayReplace: boolean, path: string, holder: number | undefined): void {
  if (mayReplace || holder === undefined) return
  throw new RunError(`${path}: rws is running with this pid file as process ${holder}; see rws --replace`)
}

interface Content {
  readonly file: Stats
  readonly text: string
}

/** Reads the beginning of a regular file. A pipe would block, and some devices have no end. */
function read(path: string): Content {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const file = fstatSync(fd)
    if (!file.isFile()) return { file, text: "" }
    const bytes = Buffer.alloc(MAX_BYTES)
    return { file, text: bytes.toString("latin1", 0, readSync(fd, bytes)).trim() }
  } finally {
    closeSync(fd)
  }
}

function holderOf(path: string): number | undefined {
  let content: Content
  try {
    content = read(path)
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined
    throw new RunError(`the pid file can't be read: ${(error as Error).message}`)
  }
  const { text, file } = content
  if (!file.isFile()) throw new RunError(`${path}: this is not a pid file: it should be a regular file`)
  if (!/^\d{0,10}$/.test(text)) throw new RunError(`${path}: this is not a pid file: it should be a number`)
  const pid = Number(text)
  // Our own id in a file that we have not written: a container, where it is always the same.
  if (pid === 0 || pid === process.pid) return undefined
  return isRunning(pid) && hasOpen(pid, file) ? pid : undefined
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return isCode(error, "EPERM")
  }
}

/** Also true where that can't be seen: on other systems than Linux, and of other users' processes. */
function hasOpen(pid: number, { dev, ino }: Stats): boolean {
  const folder = `/proc/${pid}/fd`
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return true
  }
  return names.some((name) => {
    try {
      const open = statSync(`${folder}/${name}`)
      return open.dev === dev && open.ino === ino
    } catch {
      return false
    }
  })
}

/** Whether it succeeds; false for the error with this code. */
function succeeds(code: string, action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (isCode(error, code)) return false
    throw error
  }
}

function removeIfThere(path: string): void {
  succeeds("ENOENT", () => unlinkSync(path))
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
