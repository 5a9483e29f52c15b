/** Pages for Chromium that open WebSockets and tell how it went, and the backend that they talk to. */
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { createServer, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import type { Test } from "tap"
import { composeScript } from "../../../bin/interceptor.js"
import { type OpenedPage, openPage } from "../browser/chromium.js"
import { echo, startWsBackend, type WsBackend } from "../peers/ws-backend.js"
import { projectPath } from "../project/project.js"

/** What a page tells about one WebSocket. */
export interface Told {
  readonly url: string
  readonly protocol: string
  /** The first is the request target that the backend has seen. */
  readonly messages: readonly unknown[]
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}

/**
 * In pages and workers: opens a WebSocket, sends a text and bytes, and closes it after their echo, unless the
 * backend does.
 */
export const TALK = `async function talk(url, protocols) {
  const socket = new WebSocket(url, protocols)
  socket.binaryType = "arraybuffer"
  const messages = []
  socket.addEventListener("open", () => {
    socket.send("grüße 🙂")
    socket.send(new Uint8Array([0, 255]))
  })
  socket.onmessage = ({ data }) => {
    messages.push(typeof data === "string" ? data : [...new Uint8Array(data)])
    if (messages.length === 3) socket.close(4321, "over 🙂")
  }
  const { code, reason, wasClean } = await new Promise((resolve) => { socket.onclose = resolve })
  return { url: socket.url, protocol: socket.protocol, messages, code, reason, wasClean }
}`

/** Lets a page talk. */
export function talk(page: Page, url: string, ...protocols: string[]): Promise<Told> {
  return page.evaluate(`talk(${JSON.stringify(url)}, ${JSON.stringify(protocols)})`)
}

/** What a talk comes to that the backend has seen with this target. */
export function talked(url: string, target: string, protocol = ""): Told {
  return {
    url,
    protocol,
    messages: [target, "grüße 🙂", [0, 255]],
    code: 4321,
    reason: "over 🙂",
    wasClean: true,
  }
}

/** Tells each client its request target, and echoes. Of the subprotocols it speaks chat.v2. */
export function startTalkingBackend(t: Test): Promise<WsBackend> {
  return startWsBackend(
    t,
    (session) => {
      session.socket.send(session.request.url ?? "")
      echo(session)
    },
    { handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false) },
  )
}

/** Serves pages, "/interceptor.js" (the module), "/classic.js", and these scripts by their paths. */
export async function pageServer(t: Test, more: Readonly<Record<string, string>> = {}): Promise<Server> {
  const scripts: Readonly<Record<string, string>> = {
    "/interceptor.js": await readFile(projectPath("dist/lib/interceptor/interceptor.js"), "utf8"),
    "/classic.js": composeScript(),
    ...more,
  }
  const respond = (response: ServerResponse, type: string, text: string) =>
    response.setHeader("Content-Type", `${type}; charset=utf-8`).end(text)
  const server = createServer(({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://page")
    const script = scripts[pathname]
    if (script !== undefined) respond(response, "text/javascript", script)
    else {
      const page = `<!doctype html><link rel="icon" href="data:,"><script>var Native = WebSocket; ${TALK}</script>`
      respond(response, "text/html", page + (searchParams.get("head") ?? ""))
    }
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  return server
}

/** As `pageServer`. Returns the URL of the pages. */
export async function servePages(t: Test, more: Readonly<Record<string, string>> = {}): Promise<string> {
  return urlOf(await pageServer(t, more))
}

export function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Opens a page that can talk, with this markup. */
export function openTalkingPage(
  t: Test,
  browser: Browser,
  pages: string,
  head = "",
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  return openPage(t, browser, `${pages}?${new URLSearchParams({ head })}`, options)
}
