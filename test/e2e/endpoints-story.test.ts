/**
 * A page of today, unchanged but for one script: its WebSockets go to rws, which looks their endpoints up in
 * Redis.
 */
import type { Browser, Page } from "playwright-core"
import t, { type Test } from "tap"
import { WebSocket } from "ws"
import { createUpgradeHandler } from "../../lib/index.js"
import { launchChromium, noChromium } from "../support/browser/chromium.js"
import {
  openTalkingPage,
  pageServer,
  servePages,
  startTalkingBackend,
  talk,
  talked,
  urlOf,
} from "../support/interceptor/talking-page.js"
import { deadAddress } from "../support/peers/backend.js"
import { nextSession, type WsBackend } from "../support/peers/ws-backend.js"
import {
  Program,
  runRws,
  type Serving,
  serveFile,
  temporaryFolder,
  untilLogged,
} from "../support/program/program.js"
import { isInstalled } from "./tls/terminator.js"

t.setTimeout(120_000)
const noRedis = !process.env.CI && !(await isInstalled("redis-server")) && "redis-server is not installed"
const skip = noChromium || noRedis
let browser: Browser
if (!skip) {
  browser = await launchChromium()
  t.teardown(() => browser.close())
}

class Redis {
  private constructor(
    private readonly t: Test,
    private readonly server: Program,
    readonly port: string,
  ) {}

  static async start(t: Test): Promise<Redis> {
    const [, port = ""] = (await deadAddress()).split(":")
    const folder = await temporaryFolder(t)
    const args = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    const server = Program.start(t, "redis-server", args)
    await server.untilOutput(/Ready to accept connections/)
    return new Redis(t, server, port)
  }

  /** As an operator would, with redis-cli. */
  async command(...words: readonly string[]): Promise<void> {
    const cli = Program.start(this.t, "redis-cli", ["-e", "-p", this.port, ...words])
    const { code } = await cli.untilExit()
    if (code !== 0) throw new Error(`redis-cli ${words.join(" ")}: ${cli.output}`)
  }

  async stop(): Promise<void> {
    await this.server.signal("SIGTERM").untilExit()
  }
}

interface Story extends Serving {
  readonly redis: Redis
  readonly backend: WsBackend
  readonly pages: string
}

/** Redis knows three endpoints: "open", "closed" and "metadata", which leads where nobody may go. */
async function begin(t: Test, ttlMs = 0): Promise<Story> {
  const redis = await Redis.start(t)
  const backend = await startTalkingBackend(t)
  const { stdout } = await runRws(t, ["interceptor"])
  const pages = await servePages(t, { "/rws-interceptor.js": stdout })
  await redis.command("hset", "rws:endpoint:open", "url", `ws://${backend.address}/chat`)
  await redis.command("hset", "rws:endpoint:closed", "url", `ws://${backend.address}`, "active", "false")
  await redis.command("hset", "rws:endpoint:metadata", "url", "ws://169.254.169.254/latest")
  const serving = await serveFile(
    t,
    `[registry.endpoints]
    store = "redis"
    url = "redis://127.0.0.1:${redis.port}"
    ttl_ms = ${ttlMs}
    negative_ttl_ms = 0
    allow_destinations = ["127.0.0.1"]

    [[ws_proxy]]
    bind = "127.0.0.1:0"
    registry = "endpoints"
    registry_key = "query:endpointId"
    allowed_origins = ["${new URL(pages).origin}"]`,
  )
  return { ...serving, redis, backend, pages }
}

async function open(t: Test, { pages, address }: Story, endpoint: string): Promise<Page> {
  const tag = `<script src="/rws-interceptor.js" data-proxy="ws://${address}" data-endpoint-id="${endpoint}"></script>`
  const { page } = await openTalkingPage(t, browser, pages, tag)
  return page
}

/** The page's URL. It leads nowhere without the interceptor. */
const CHAT = "wss://chat.invalid/room?user=me"

t.test(
  "a page talks with the endpoint that Redis names, and the backend never sees the key",
  { skip },
  async (t) => {
    const story = await begin(t)
    const page = await open(t, story, "open")
    const session = nextSession(story.backend)
    t.same(
      await talk(page, CHAT, "chat.v1", "chat.v2"),
      talked(`ws://${story.address}/room?user=me&endpointId=open`, "/chat/room?user=me", "chat.v2"),
    )
    const { headers } = (await session).request
    t.equal(headers.origin, new URL(story.pages).origin)
    t.notMatch(JSON.stringify(headers), "endpointId")
    t.match(
      await untilLogged(story.rws, ({ reason }) => reason === "client_fin" || reason === "backend_fin"),
      {
        status: 101,
        endpoint: "open",
      },
    )
  },
)

t.test("the backend's close code and reason reach the page", { skip }, async (t) => {
  const story = await begin(t)
  const page = await open(t, story, "open")
  story.backend.server.on("connection", (socket) => socket.close(4999, "geschlossen 🙂"))
  t.match(await talk(page, CHAT), { code: 4999, reason: "geschlossen 🙂", wasClean: true })
})

const refusals = [
  { endpoint: "unknown", reason: "unknown_endpoint", status: 404 },
  { endpoint: "closed", reason: "inactive_endpoint", status: 403 },
  { endpoint: "metadata", reason: "destination_refused", status: 403 },
  { endpoint: "", reason: "no_endpoint_key", status: 400 },
]

for (const { endpoint, reason, status } of refusals) {
  t.test(
    `a page with the endpoint "${endpoint}" gets no WebSocket: ${status} ${reason}`,
    { skip },
    async (t) => {
      const story = await begin(t)
      story.backend.server.on("connection", () => t.fail("nothing reaches the backend"))
      const page = await open(t, story, endpoint)
      t.match(await talk(page, CHAT), { messages: [], code: 1006, reason: "", wasClean: false })
      t.match(await untilLogged(story.rws, (line) => line.reason === reason), { status })
      // Browsers hide the status from pages; other clients see it.
      const url = `ws://${story.address}/room?endpointId=${endpoint}`
      t.equal(await statusOf(url, new URL(story.pages).origin), status)
    },
  )
}

t.test(
  "an endpoint that is disabled in Redis is refused, and let in again once it is enabled",
  { skip },
  async (t) => {
    const story = await begin(t)
    const page = await open(t, story, "open")
    const through = talked(`ws://${story.address}/room?user=me&endpointId=open`, "/chat/room?user=me")
    t.same(await talk(page, CHAT), through)
    await story.redis.command("hset", "rws:endpoint:open", "active", "false")
    t.match(await talk(page, CHAT), { code: 1006 })
    await story.redis.command("hset", "rws:endpoint:open", "active", "true")
    t.same(await talk(page, CHAT), through)
  },
)

t.test("without Redis new endpoints are refused with 503, and remembered ones stay", { skip }, async (t) => {
  const story = await begin(t, 600_000)
  const page = await open(t, story, "open")
  const through = talked(`ws://${story.address}/room?user=me&endpointId=open`, "/chat/room?user=me")
  t.same(await talk(page, CHAT), through)
  await story.redis.stop()
  t.same(await talk(page, CHAT), through)
  const url = `ws://${story.address}/room?endpointId=closed`
  t.equal(await statusOf(url, new URL(story.pages).origin), 503)
  t.match(await untilLogged(story.rws, ({ reason }) => reason === "registry_failed"), { status: 503 })
})

t.test(
  "the same story on one port: page, HTTP and endpoints in the server of a program",
  { skip },
  async (t) => {
    const redis = await Redis.start(t)
    const backend = await startTalkingBackend(t)
    await redis.command("hset", "rws:endpoint:open", "url", `ws://${backend.address}/chat`)
    await redis.command("hset", "rws:endpoint:closed", "url", `ws://${backend.address}`, "active", "false")
    const handler = await createUpgradeHandler({
      registry: {
        endpoints: {
          store: "redis",
          url: `redis://127.0.0.1:${redis.port}`,
          ttl_ms: 0,
          allow_destinations: ["127.0.0.1"],
        },
      },
      ws_proxy: [
        {
          route: [
            { path: "/ws", strip_prefix: true, registry: "endpoints", registry_key: "query:endpointId" },
          ],
        },
      ],
    })
    t.teardown(() => handler.close(0))
    const server = await pageServer(t)
    server.on("upgrade", handler)
    const pages = urlOf(server)
    const open = async (endpoint: string) => {
      const tag = `<script src="/classic.js" data-proxy="/ws" data-endpoint-id="${endpoint}"></script>`
      return (await openTalkingPage(t, browser, pages, tag)).page
    }
    const url = `${pages.replace("http", "ws")}ws/room?user=me&endpointId=open`
    t.same(await talk(await open("open"), CHAT, "chat.v2"), talked(url, "/chat/room?user=me", "chat.v2"))
    backend.server.once("connection", (socket) => socket.close(4999, "geschlossen 🙂"))
    t.match(await talk(await open("open"), CHAT), { code: 4999, reason: "geschlossen 🙂", wasClean: true })
    for (const { endpoint, reason, status } of refusals.filter(({ endpoint }) => endpoint !== "metadata")) {
      const refused = new Promise((resolve) => handler.once("refuse", resolve))
      t.match(await talk(await open(endpoint), CHAT), { code: 1006 })
      t.match(await refused, { reason, status })
    }
    t.match(await (await fetch(pages)).text(), /^<!doctype html>/, "HTTP stays with the server")
  },
)

t.test("pages of other origins get no WebSocket, whatever key they know", { skip }, async (t) => {
  const story = await begin(t)
  const others = await servePages(t, {})
  t.equal(await statusOf(`ws://${story.address}/room?endpointId=open`, new URL(others).origin), 403)
})

/** The status with which a client of this origin is refused. */
function statusOf(url: string, origin: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const client = new WebSocket(url, { origin })
    client.on("unexpected-response", (request, { statusCode }) => {
      request.destroy()
      resolve(statusCode)
    })
    client.on("open", () => reject(new Error("it was let in")))
    client.on("error", () => {})
  })
}
