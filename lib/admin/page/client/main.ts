/** Asks the admin API every second, and gives each part of the page what it shows. */

import type { EndedSessions, ListenerStatus, PoolStatus, ProxyStatus, SessionPage } from "../../api-types.js"
import { ApiError, getJson } from "./api.js"
import { Console } from "./console.js"
import { byId, setText } from "./dom.js"
import { Ended } from "./ended.js"
import { Header } from "./header.js"
import { Listeners } from "./listeners.js"
import { login } from "./login.js"
import { Overview } from "./overview.js"
import { Pools } from "./pools.js"
import { Sessions } from "./sessions.js"

const INTERVAL_MS = 1000
/** Lists cost rws more than the status, so they are asked for less often. In intervals. */
const LISTS_EVERY = 2

const header = new Header()
const overview = new Overview()
const pools = new Pools(refreshLists)
const sessions = new Sessions(refreshLists)
const listeners = new Listeners()
const ended = new Ended()
const wsConsole = new Console()
const pauseButton = byId("pause", HTMLButtonElement)

/** Why each of the two could not be brought up to date. */
const failures = { status: "", lists: "" }
let isPaused = false
let isListing = false
let listsAreOutdated = false

pauseButton.addEventListener("click", () => {
  isPaused = !isPaused
  setText(pauseButton, isPaused ? "Resume" : "Pause")
  if (isPaused) header.showPause()
})
void run()

/** A page that nobody sees asks for nothing. */
async function run(): Promise<never> {
  let wasInterrupted = false
  for (let interval = 0; ; interval++) {
    const startedAt = performance.now()
    if (isPaused || document.hidden) wasInterrupted = true
    else {
      if (wasInterrupted) overview.interrupt()
      wasInterrupted = false
      await refresh("status", refreshStatus)
      if (interval % LISTS_EVERY === 0) void refreshLists()
    }
    await sleep(INTERVAL_MS - (performance.now() - startedAt))
  }
}

async function refreshStatus(): Promise<void> {
  const status = await getJson<ProxyStatus>("/api/status")
  if (isPaused) return
  header.show(status)
  overview.show(status, performance.now())
}

/** While lists are under way nothing else is asked for: they are asked for once more behind them. */
async function refreshLists(): Promise<void> {
  listsAreOutdated = true
  if (isListing) return
  isListing = true
  while (listsAreOutdated) {
    listsAreOutdated = false
    await refresh("lists", showLists)
  }
  isListing = false
}

async function showLists(): Promise<void> {
  const [listenerList, poolList, sessionPage, endedList] = await Promise.all([
    getJson<readonly ListenerStatus[]>("/api/listeners"),
    getJson<readonly PoolStatus[]>("/api/pools"),
    getJson<SessionPage>(sessions.path()),
    getJson<EndedSessions>("/api/ended"),
  ])
  // Another filter or page has been chosen meanwhile.
  if (!listsAreOutdated) sessions.show(sessionPage)
  listeners.show(listenerList)
  sessions.setChoices(listenerList, poolList)
  pools.show(poolList)
  ended.show(endedList.sessions)
  wsConsole.setListeners(listenerList)
}

/** Shows what could not be brought up to date, and asks for the token if that is missing. */
async function refresh(part: keyof typeof failures, update: () => Promise<void>): Promise<void> {
  try {
    await update()
    failures[part] = ""
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) await login()
    else failures[part] = describe(error)
  }
  header.showFailure(failures.status || failures.lists)
}

function describe(error: unknown): string {
  if (error instanceof ApiError) return `rws reports an error: ${error.message}.`
  return "rws does not respond."
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
