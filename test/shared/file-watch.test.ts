import { mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import t, { type Test } from "tap"
import { FileWatch, versionOf } from "../../lib/shared/file-watch.js"
import { temporaryFolder } from "../support/program/program.js"

const LOOK_MS = 10
/** Longer than a watch waits for a file to settle. */
const QUIET_MS = 350

interface Watched {
  readonly changes: number
  untilChanges(count: number): Promise<void>
}

function watch(t: Test, file: string, known = versionOf(file)): Watched {
  let changes = 0
  const onFault = (error: Error) => t.fail(error.message)
  const watch = new FileWatch(file, known, () => void changes++, onFault)
  // A watch does not keep the process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => {
    watch.close()
    clearInterval(alive)
  })
  return {
    get changes() {
      return changes
    },
    async untilChanges(count) {
      while (changes < count) await pause(LOOK_MS)
      await pause(QUIET_MS)
      t.equal(changes, count, "no more than these")
    },
  }
}

async function folderWithFile(t: Test): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder(t)
  const file = join(folder, "rws.toml")
  await writeFile(file, "one")
  return { folder, file }
}

t.test("a file that is written is one change, also if it is written in pieces", async (t) => {
  const { file } = await folderWithFile(t)
  const watched = watch(t, file)
  for (const piece of ["t", "tw", "two"]) {
    await writeFile(file, piece)
    await pause(LOOK_MS)
  }
  await watched.untilChanges(1)
  await writeFile(file, "three")
  await watched.untilChanges(2)
})

t.test("a file that an editor renames and replaces is one change", async (t) => {
  const { file } = await folderWithFile(t)
  const watched = watch(t, file)
  for (const [round, content] of ["two", "three"].entries()) {
    await rename(file, `${file}~`)
    await writeFile(`${file}.new`, content)
    await rename(`${file}.new`, file)
    await watched.untilChanges(round + 1)
  }
})

t.test("a file that is missing for a while is no change, one that comes back is", async (t) => {
  const { file } = await folderWithFile(t)
  const watched = watch(t, file)
  await unlink(file)
  await pause(QUIET_MS)
  t.equal(watched.changes, 0)
  await writeFile(file, "two")
  await watched.untilChanges(1)
})

t.test("another file that changes all the time neither is a change nor hides one", async (t) => {
  const { folder, file } = await folderWithFile(t)
  const watched = watch(t, file)
  const chatter = setInterval(() => void writeFile(join(folder, "rws.log"), String(Math.random())), LOOK_MS)
  t.teardown(() => clearInterval(chatter))
  await pause(QUIET_MS)
  t.equal(watched.changes, 0)
  await writeFile(file, "two")
  await watched.untilChanges(1)
})

t.test(
  "a link that is swapped as Kubernetes does it, and the file that it leads to, are watched",
  async (t) => {
    const folder = await temporaryFolder(t)
    const file = join(folder, "rws.toml")
    for (const version of ["1", "2"]) {
      await mkdir(join(folder, version))
      await writeFile(join(folder, version, "rws.toml"), version)
    }
    await symlink("1", join(folder, "data"))
    await symlink(join("data", "rws.toml"), file)
    const watched = watch(t, file)
    await symlink("2", join(folder, "new"))
    await rename(join(folder, "new"), join(folder, "data"))
    await watched.untilChanges(1)
    await writeFile(join(folder, "2", "rws.toml"), "three")
    await watched.untilChanges(2)
  },
)

t.test("a folder that is replaced is watched again", async (t) => {
  const parent = await temporaryFolder(t)
  const folder = join(parent, "config")
  const file = join(folder, "rws.toml")
  await mkdir(folder)
  await writeFile(file, "one")
  const watched = watch(t, file)
  await rm(folder, { recursive: true })
  await pause(QUIET_MS)
  await mkdir(folder)
  await writeFile(file, "two")
  await watched.untilChanges(1)
  await writeFile(file, "three")
  await watched.untilChanges(2)
})

t.test("a change between the reading of the file and the watch is noticed", async (t) => {
  const { file } = await folderWithFile(t)
  const known = versionOf(file)
  await writeFile(file, "two, already")
  await watch(t, file, known).untilChanges(1)
})
