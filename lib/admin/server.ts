/**
 * The admin server: HTTP for operators, on an address of its own. Everything a client can make it hold is
 * bounded: connections, heads, bodies, the time that each takes, and what is buffered for a slow reader.
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { performance } from "node:perf_hooks"
import { type Address, toNetOptions } from "../address/address.js"
import { toBindError } from "../net/listener.js"
import { bindUnixSocket } from "../net/unix-socket.js"
import { Connections } from "./connections.js"
import { Guard } from "./guard.js"
import { readBody, send, urlOf } from "./messages.js"
import { Pace } from "./pace.js"
import { AdminError, type AdminResponse, type AdminRoute, json, matchPath } from "./route.js"

export interface AdminServerOptions {
  readonly bind: Address
  /** Without one, everybody who can connect may do everything. */
  readonly token?: string | undefined
  /** Whether the path of a Unix socket may be taken from a program that listens there. Default: no. */
  readonly mayTakeOver?: boolean
  /** Told about errors of routes, which are defects. Default: they are dropped. */
  readonly onDefect?: (error: unknown) => void
}

/** Pipelined requests are parsed at once. */
const MAX_REQUESTS_PER_CONNECTION = 100
const MAX_HEAD_BYTES = 8 * 1024
const HEAD_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 10_000
/** Also for a client that does not read its response. Streams must send something more often. */
const IDLE_TIMEOUT_MS = 30_000
/** Of a Unix socket: it stands for the token. */
const SOCKET_MODE = 0o600

export class AdminServer {
  readonly #server: Server
  readonly #guard: Guard
  readonly #pace = new Pace()
  readonly #probePace = new Pace()
  readonly #connections: Connections
  #removePath = () => {}
  #closed: Promise<void> | undefined

  constructor(
    private readonly options: AdminServerOptions,
    private readonly routes: readonly AdminRoute[],
  ) {
    this.#guard = new Guard(options.bind, options.token)
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEAD_BYTES,
        headersTimeout: HEAD_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: HEAD_TIMEOUT_MS,
        connectionsCheckingInterval: 1000,
      },
      (request, response) => this.#queue(request, response),
    )
    this.#connections = new Connections(this.#server)
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION
    // Node.js would respond to each further one with a 503, as fast as they come.
    this.#server.on("dropRequest", (_, socket) => socket.destroy())
    this.#server.timeout = IDLE_TIMEOUT_MS
  }

  /** Resolves to the bound address, with the port that the system chose for 0. Rejects with a `BindError`. */
  async listen(): Promise<Address> {
    const { bind, mayTakeOver = false } = this.options
    try {
      if (bind.kind === "unix") {
        const { path } = bind
        this.#removePath = await bindUnixSocket({ path, mode: SOCKET_MODE, mayTakeOver }, (name) =>
          this.#bind({ path: name }),
        )
      } else await this.#bind(toNetOptions(bind))
    } catch (error) {
      this.#server.close()
      throw toBindError(bind, error)
    }
    const bound = this.#server.address()
    if (bound === null || typeof bound === "string") return bind
    return { kind: "tcp", host: bound.address, port: bound.port }
  }

  /** Closes all connections. Resolves once they are gone. May be called again. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#removePath()
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#closed
  }

  async #bind(options: { path: string } | { host: string; port: number }): Promise<void> {
    this.#server.listen(options)
    await once(this.#server, "listening")
    // A client that can't be accepted, for lack of descriptors for example.
    this.#server.on("error", () => {})
  }

  /** Requests of one connection wait for each other before they wait for those of others. */
  #queue(request: IncomingMessage, response: ServerResponse): void {
    this.#connections.use(request.socket, () => this.#respond(request, response))
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.socket.destroyed) return
    const gone = new AbortController()
    response.on("close", () => gone.abort())
    try {
      if (this.#connections.isShort(request.socket)) response.setHeader("Connection", "close")
      const answer = await this.#handle(request, gone.signal)
      if (answer === undefined) response.destroy()
      else await send(request, response, answer)
    } catch (error) {
      // Its status has been sent.
      response.destroy()
      if (!gone.signal.aborted) this.options.onDefect?.(error)
    }
  }

  /** Resolves to undefined if the connection is to be closed without a response. */
  async #handle(request: IncomingMessage, signal: AbortSignal): Promise<AdminResponse | undefined> {
    try {
      const { pathname, searchParams } = urlOf(request)
      const [found, known] = this.#find(request.method, pathname)
      const pace = found?.route.isProbe ? this.#probePace : this.#pace
      if (!(await pace.turn(signal))) return undefined
      const fault = this.#guard.faultOf(request.headers, found?.route.isPublic)
      if (fault !== undefined) throw new AdminError(fault.status, fault.text)
      if (found === undefined) {
        throw known ? new AdminError(405, "method not allowed here") : new AdminError(404, "no such path")
      }
      let body: unknown
      if (request.method === "POST") {
        body = await readBody(request)
        // Many bodies may be complete at the same time.
        if (!(await pace.turn(signal))) return undefined
      }
      return await charged(pace, () =>
        found.route.handle({ params: found.params, query: searchParams, body, signal }),
      )
    } catch (error) {
      if (error instanceof AdminError) return json({ error: error.message, ...error.details }, error.status)
      if (!signal.aborted) this.options.onDefect?.(error)
      return json({ error: "internal error" }, 500)
    }
  }

  /**
   * The route for it, and whether there is one for another method. HEAD is answered as GET without a body.
   */
  #find(method: string | undefined, path: string): [Found | undefined, boolean] {
    const wanted = method === "HEAD" ? "GET" : method
    let isKnown = false
    for (const route of this.routes) {
      const params = matchPath(route.path, path)
      if (params === undefined) continue
      isKnown = true
      if (route.method === wanted) return [{ route, params }, true]
    }
    return [undefined, isKnown]
  }
}

interface Found {
  readonly route: AdminRoute
  readonly params: Readonly<Record<string, string>>
}

/**
 * Tells the pace what the request costs: first its synchronous part, before another request has its turn.
 * Later parts can't be told from what the thread does for others, so they count in full.
 */
async function charged<Outcome>(pace: Pace, handle: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  let before = performance.eventLoopUtilization()
  const charge = () => {
    pace.spent(performance.eventLoopUtilization(before).active)
    before = performance.eventLoopUtilization()
  }
  try {
    const outcome = handle()
    charge()
    return await outcome
  } finally {
    charge()
  }
}
