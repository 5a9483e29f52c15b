/** The README's OpenTelemetry example makes spans, with a small stand-in for OpenTelemetry's API. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import ts from "typescript"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { folderInPackage } from "../support/program/consumer.js"
import { Program } from "../support/program/program.js"
import { blockOf } from "../support/project/readme.js"

/** What the example uses of `@opentelemetry/api`, as its documentation describes it. Spans can be printed. */
const API = `
export const spans = []
export const ROOT_CONTEXT = {}
export const SpanKind = { SERVER: 1 }
export const SpanStatusCode = { ERROR: 2 }
export const propagation = { extract: (context, { traceparent }) => ({ ...context, traceparent }) }
const tracer = {
  startSpan(name, { startTime, attributes, kind }, { span, traceparent }) {
    const made = { name, startTime, attributes, kind, parent: span?.name ?? traceparent }
    spans.push(made)
    return Object.assign(Object.create({
      setStatus: (status) => Object.assign(made, { status }),
      end: (endTime) => Object.assign(made, { endTime }),
    }), { name })
  },
}
export const trace = { getTracer: () => tracer, setSpan: (context, span) => ({ ...context, span }) }
`

/** Prints the address, and the spans after a line of input. */
const DRIVER = `
import { spans } from "@opentelemetry/api"
console.log("listening on " + proxy.address() + ".")
process.stdin.once("data", async () => {
  await proxy.close()
  console.log("spans " + JSON.stringify(spans) + "\\n")
  process.stdin.destroy()
})
`

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

interface Span {
  readonly name: string
  readonly startTime: number
  readonly endTime: number
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly parent?: string
  readonly status?: { readonly code: number; readonly message: string }
}

/** Runs the example before this backend. Returns the spans of one session. */
async function spansOf(t: Test, backend: string): Promise<Span[]> {
  const folder = await folderInPackage(t)
  const api = join(folder, "node_modules/@opentelemetry/api")
  await mkdir(api, { recursive: true })
  await writeFile(join(api, "package.json"), '{ "type": "module", "exports": "./index.js" }')
  await writeFile(join(api, "index.js"), API)
  const listener = `[[ws_proxy]]\nname = "chat"\nbind = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n`
  await writeFile(join(folder, "rws.config.toml"), `${listener}backends = ["${backend}"]\n`)
  const { outputText } = ts.transpileModule(blockOf("mts") + DRIVER, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  })
  await writeFile(join(folder, "example.mjs"), outputText)
  const program = Program.start(t, process.execPath, ["example.mjs"], { cwd: folder })
  const [, address = ""] = await program.untilOutput(/listening on (.*)\.\n/)
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead({ traceparent: TRACEPARENT })).untilText("\r\n\r\n")
  client.socket.end()
  await client.untilClosed()
  program.type("\n")
  const [, spans = ""] = await program.untilOutput(/^spans (.*)\n/m)
  t.equal(program.stderr, "")
  return JSON.parse(spans)
}

t.test("a tunnel becomes a span with its stages in it, in the trace of the trusted proxy", async (t) => {
  const backend = await startEchoBackend(t)
  const before = Date.now()
  const [session, ...stages] = await spansOf(t, backend.address)
  t.match(session, {
    name: "websocket chat",
    parent: TRACEPARENT,
    attributes: {
      "server.address": "chat.example",
      "url.path": "/chat",
      "http.response.status_code": 101,
      "rws.pool": "chat",
      "rws.backend": backend.address,
      "rws.reason": "client_fin",
    },
  })
  t.equal(session?.status, undefined)
  t.strictSame(
    stages.map(({ name, parent }) => [name, parent]),
    ["tunnel", "handshake", "dial", "head"].map((name) => [name, "websocket chat"]),
  )
  const [tunnel, handshake, dial, head] = stages
  t.equal(head?.endTime, dial?.startTime)
  t.equal(dial?.endTime, handshake?.startTime)
  t.equal(handshake?.endTime, tunnel?.startTime)
  t.equal(tunnel?.endTime, session?.endTime)
  t.ok(
    before <= (session?.startTime ?? 0) && (session?.endTime ?? 0) <= Date.now(),
    "in milliseconds since 1970",
  )
})

t.test("a backend that can't be reached is an error of the span", async (t) => {
  const [session, ...stages] = await spansOf(t, await deadAddress())
  t.match(session, {
    attributes: { "http.response.status_code": 502, "rws.reason": "backend_unreachable" },
    status: { code: 2, message: "no backend could be reached" },
  })
  t.strictSame(
    stages.map(({ name }) => name),
    ["dial", "head"],
  )
})
