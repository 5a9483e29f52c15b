/** `rws reload`: checks the configuration file and tells the running rws to read it again. */
import { type ConfigArguments, readConfig } from "./config-options.js"
import { PidFile } from "./pid-file.js"
import { RunError } from "./run-error.js"
import { UsageError } from "./usage-error.js"

export async function reload(given: ConfigArguments & { readonly pid?: string | undefined }): Promise<void> {
  const { pid_file } = (await readConfig(given)).settings
  const pid = given.pid === undefined ? holderOf(pid_file) : toPid(given.pid)
  try {
    process.kill(pid, "SIGHUP")
  } catch (error) {
    const isGone = (error as NodeJS.ErrnoException).code === "ESRCH"
    const reason = isGone ? "there is no such process" : (error as Error).message
    throw new RunError(`rws could not be told to reload: process ${pid}: ${reason}`)
  }
  console.log(`The configuration is valid. rws, process ${pid}, reads it now; its log says what has changed.`)
}

function holderOf(pidFile: string | undefined): number {
  if (pidFile === undefined) {
    throw new UsageError("rws reload needs pid_file in the configuration, --pid-file or --pid")
  }
  const pid = new PidFile(pidFile).holder()
  if (pid === undefined) throw new RunError(`${pidFile}: no rws is running with this pid file`)
  return pid
}

function toPid(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new UsageError(`--pid: "${text}" is not a process id`)
  return Number(text)
}
