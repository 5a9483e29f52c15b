/**
 * Notices changes of a file, also when an editor replaces it by another one or Kubernetes swaps the symbolic
 * link to its folder. So the folders are watched, and the file is looked at after each event in them.
 */
import { type FSWatcher, realpathSync, statSync, watch } from "node:fs"
import { dirname } from "node:path"

/** A change counts once the file has been the same for this long: a half-written file is not read. */
const SETTLE_MS = 100
/** Pause before a folder that is missing or can't be watched is tried again. */
const RETRY_MS = 1000

/** Tells one version of a file from another; undefined while there is no file. */
export function versionOf(file: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs } = statSync(file, { bigint: true })
    return [dev, ino, size, mtimeNs].join()
  } catch {
    return undefined
  }
}

export class FileWatch {
  readonly #folders = new Map<string, { readonly watcher: FSWatcher; readonly id: string }>()
  #timer: NodeJS.Timeout | undefined
  /** The version that was seen last, if it is another than `#known`. */
  #seen: string | undefined

  /**
   * @param known the version that needs no report, from `versionOf`
   * @param onFault called when a folder can't be watched. The file is then looked at once a second
   */
  constructor(
    private readonly file: string,
    private known: string | undefined,
    private readonly onChange: () => void,
    private readonly onFault: (error: Error) => void,
  ) {
    this.#look()
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const { watcher } of this.#folders.values()) watcher.close()
    this.#folders.clear()
  }

  /** Events do not put off a look that is due: other files of the folder may change all the time. */
  #lookIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#look()
    }, ms).unref()
  }

  #look(): void {
    // Before the file's version is read, so that no later change goes unnoticed.
    this.#watchFolders()
    const version = versionOf(this.file)
    if (version === undefined || version === this.known) this.#seen = undefined
    else if (version === this.#seen) {
      this.known = version
      this.onChange()
    } else {
      this.#seen = version
      clearTimeout(this.#timer)
      this.#timer = undefined
      this.#lookIn(SETTLE_MS)
    }
  }

  /** The folder of the file, and that of the file to which a symbolic link leads. */
  #watchFolders(): void {
    const wanted = new Set([dirname(this.file), dirname(realPathOf(this.file))])
    for (const [folder, { watcher, id }] of this.#folders) {
      if (wanted.has(folder) && folderId(folder) === id) continue
      watcher.close()
      this.#folders.delete(folder)
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watchFolder(folder)
  }

  #watchFolder(folder: string): void {
    const id = folderId(folder)
    if (id === undefined) {
      this.#lookIn(RETRY_MS)
      return
    }
    const onError = (error: Error) => {
      this.onFault(error)
      this.#lookIn(RETRY_MS)
    }
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookIn(SETTLE_MS))
      this.#folders.set(folder, { watcher: watcher.on("error", onError), id })
    } catch (error) {
      onError(error as Error)
    }
  }
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

/** Another folder at the same path is another folder. */
function folderId(folder: string): string | undefined {
  try {
    const { dev, ino } = statSync(folder)
    return `${dev} ${ino}`
  } catch {
    return undefined
  }
}
