/** A program: times pure functions of rws and sends the times to its parent. */
import { parseHostPattern } from "../../lib/address/host-pattern.js"
import { History } from "../../lib/admin/history.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { FieldEdit } from "../../lib/http/field-writer.js"
import { parseRequestHead, parseResponseHead } from "../../lib/http/head.js"
import { HeadScanner } from "../../lib/http/head-scanner.js"
import { Meter } from "../../lib/metrics/meter.js"
import { createMeterRow } from "../../lib/metrics/meter-cells.js"
import type { EndedSession } from "../../lib/ops/session-summary.js"
import { Backend } from "../../lib/pool/backend.js"
import { Pool } from "../../lib/pool/pool.js"
import { parsePathPattern } from "../../lib/routing/path-pattern.js"
import { Router } from "../../lib/routing/router.js"
import { rewriteRequest, rewriteUpgradeResponse } from "../../lib/upgrade/rewrite-head.js"
import { toUpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { checkUpgradeResponse } from "../../lib/upgrade/upgrade-response.js"
import { upgradeResponse } from "../contenders/protocol.js"
import { upgradeHead } from "../load/tunnel.js"
import type { FunctionTimes } from "./functions.js"

const WARM_UP_MS = 200
const ROUNDS = 9
const ROUND_MS = 40
/** Calls between two looks at the clock. */
const BATCH = 100

const CLIENT_IP = "192.0.2.1"
const requestBytes = Buffer.from(upgradeHead("/echo"), "latin1")
const responseBytes = Buffer.from(upgradeResponse(), "latin1")
const requestHead = parseRequestHead(requestBytes)
const responseHead = parseResponseHead(responseBytes)
const request = toUpgradeRequest(requestHead)

const routes = Array.from({ length: 20 }, (_, index) => ({
  conditions: {
    host: [parseHostPattern(`tenant-${index}.example.com`)],
    path: parsePathPattern(`/tenant/${index}`),
  },
  target: index,
}))
const router = new Router(routes, routes.length)
const backend = new Backend("127.0.0.1:9000")
const pool = new Pool(["127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"])
const edits = [
  FieldEdit.set("X-Forwarded-For", CLIENT_IP),
  FieldEdit.set("X-Forwarded-Proto", "http"),
  FieldEdit.set("X-Forwarded-Host", request.host),
]

const meter = new Meter(new Float64Array(createMeterRow()))
const history = new History()
const session: EndedSession = {
  listener: "chat",
  client: `${CLIENT_IP}:50000`,
  startedAt: Date.now(),
  bytesFromClient: 64,
  bytesFromBackend: 64,
  headMs: 0.2,
  dialMs: 0.3,
  handshakeMs: 2.2,
  tunnelMs: 1500,
  reason: "client_fin",
  who: "client",
}

const CALLS: Readonly<Record<string, () => unknown>> = {
  scan: () => new HeadScanner("request").scan(requestBytes),
  parse: () => parseRequestHead(requestBytes),
  validate: () => toUpgradeRequest(requestHead),
  "route (the last of 21)": () => router.route(request),
  "candidates (1 of 3)": () => {
    for (const candidate of pool.reserve(request, CLIENT_IP)) {
      candidate.release()
      return candidate
    }
    return undefined
  },
  "compose request": () => rewriteRequest(request, { host: backend.authority, target: "/echo", edits }),
  "scan response": () => new HeadScanner("response").scan(responseBytes),
  "parse response": () => parseResponseHead(responseBytes),
  "check response": () => checkUpgradeResponse(responseHead, request.key),
  "compose 101": () => rewriteUpgradeResponse(responseHead),
  "metrics and history of a session": () => {
    meter.sessionStarted()
    meter.tunnelOpened(session)
    history.tunnelOpened(session)
    const end = new SessionEnd(session.reason)
    meter.sessionEnded(session, end)
    history.sessionEnded({ ...session }, end)
    return end
  },
}

/** Keeps V8 from leaving out calls whose results nobody uses. */
let last: unknown

function timeOf(call: () => unknown, ms: number): number {
  const startMs = performance.now()
  let nowMs = startMs
  let calls = 0
  for (; nowMs < startMs + ms; nowMs = performance.now()) {
    for (let index = 0; index < BATCH; index++) last = call()
    calls += BATCH
  }
  return ((nowMs - startMs) * 1_000_000) / calls
}

const times: FunctionTimes = Object.entries(CALLS).map(([name, call]) => {
  timeOf(call, WARM_UP_MS)
  return [name, Array.from({ length: ROUNDS }, () => timeOf(call, ROUND_MS))]
})
if (last instanceof Error) throw last
process.send?.(times)
