/**
 * Proxies the upgrades of a server that the program has already. The server keeps its HTTP; its "upgrade"
 * events become sessions of a listener without an address.
 */
import type { EventEmitter } from "node:events"
import type { Duplex } from "node:stream"
import { CLOSE_REASONS, SessionEnd } from "../close-reason.js"
import type { Config } from "../config/schema.js"
import { valuesOf } from "../http/head.js"
import { fieldsOf, type ParsedRequest, rebuildHead } from "../http/rebuild-head.js"
import { writeRefusal } from "../http/refusal.js"
import { Attachment, adopt } from "../net/attachment.js"
import { refuse } from "../session/refuse.js"
import { toTable } from "../settings/table.js"
import { originForm } from "../upgrade/upgrade-request.js"
import { type AttachedInput, toProxyConfig } from "./attached-config.js"
import type { Hooks } from "./hooks.js"
import { type ProxyOptions, type RunningProxy, startProxy } from "./proxy.js"
import type { RunningListener } from "./running-listener.js"
import type { ProxyEvents } from "./session-events.js"
import { ThisThread } from "./this-thread.js"

/** What is read of the request of an "upgrade" event: an `IncomingMessage`, for example. */
export interface UpgradeIncoming extends ParsedRequest {
  /** Whether its body, if it has one, has been read. Default: true. */
  readonly complete?: boolean | undefined
}

/**
 * A listener for the "upgrade" event of an `http.Server` or `https.Server`. Made by `createUpgradeHandler`.
 */
export interface UpgradeHandler {
  /**
   * Takes the socket over: validates the request, routes it, and connects the socket with a backend, or
   * refuses it. Does nothing if another handler of rws has taken the socket before.
   * @param head bytes that the server has read behind the request
   * @throws {TypeError} when the socket is neither a `net.Socket` nor a `tls.TLSSocket`
   */
  (request: UpgradeIncoming, socket: Duplex, head: Buffer): void
  /**
   * Whether a route, or the listener's own pool, would take this request, by its host, path, fields and
   * query. Checks nothing else, counts nothing and never throws, so that several handlers can share a server.
   */
  matches(request: UpgradeIncoming): boolean
  /**
   * As `RunningProxy.reload`.
   * @param config as for `createUpgradeHandler`
   * @throws {ConfigError}
   * @throws {SettingError}
   */
  reload(config: AttachedInput): Promise<string[]>
  /**
   * Drains, as `RunningProxy.close` does: takes upgrades for `drain_delay_ms` more, then refuses them with
   * 503, lets tunnels end by themselves, and closes those that are left at the deadline. The server goes on
   * serving HTTP.
   * @param timeoutMs the deadline. Default: `drain_timeout_ms`; 0 = close all now; Infinity = never
   * @returns once the last session is gone: how many tunnels have been cut
   * @throws {RangeError} when it is negative or NaN; then nothing is closed
   */
  close(timeoutMs?: number): Promise<number>
  /** The bound address of the admin server; undefined if there is none. */
  adminAddress(): string | undefined
  on<Event extends keyof ProxyEvents>(event: Event, listener: (...values: ProxyEvents[Event]) => void): this
  once<Event extends keyof ProxyEvents>(event: Event, listener: (...values: ProxyEvents[Event]) => void): this
  off<Event extends keyof ProxyEvents>(event: Event, listener: (...values: ProxyEvents[Event]) => void): this
  /** Drains, as `close()` does, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>
}

/** As for `createProxy`. */
export type UpgradeOptions = Pick<ProxyOptions, "log" | keyof Hooks>

/**
 * Makes a handler for the "upgrade" event of a server. Resolves once it can take requests.
 * @param config a `[[ws_proxy]]` without `bind`; a whole configuration with one such `[[ws_proxy]]`; a
 * `Pool`; or one or more backends
 * @throws {ConfigError} when the configuration is not valid
 * @throws {SettingError} when a file of a `Pool`'s `tls` can't be used
 * @throws {BindError} when the address of `[admin]` can't be bound
 */
export async function createUpgradeHandler(
  config: AttachedInput,
  options: UpgradeOptions = {},
): Promise<UpgradeHandler> {
  const parsed = toProxyConfig(config)
  const attachment = new Attachment()
  const plane = new ThisThread(toTable(parsed.admin).bind !== undefined, attachment)
  const proxy = await startProxy(parsed, options, () => plane)
  const [listener] = plane.listeners
  if (listener === undefined) throw new Error("the proxy has no listener")
  const handler: UpgradeHandler = Object.assign(
    (request: UpgradeIncoming, socket: Duplex, head: Buffer) =>
      take(request, socket, head, attachment, listener),
    {
      matches: (request: UpgradeIncoming) => hasRoute(listener, request),
      reload: (next: AttachedInput) => reload(proxy, next),
      close: (timeoutMs?: number) => proxy.close(timeoutMs),
      adminAddress: () => proxy.adminAddress(),
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
    },
    methodsOf(proxy, () => handler),
  )
  return handler
}

async function reload(proxy: RunningProxy, config: AttachedInput): Promise<string[]> {
  let parsed: Config
  try {
    parsed = toProxyConfig(config)
  } catch (error) {
    proxy.reloadRefused()
    throw error
  }
  return proxy.reload(parsed)
}

/** The methods of an emitter, which return the handler. */
function methodsOf(
  emitter: EventEmitter,
  self: () => UpgradeHandler,
): Pick<UpgradeHandler, "on" | "once" | "off"> {
  return {
    on: (...how) => {
      emitter.on(...how)
      return self()
    },
    once: (...how) => {
      emitter.once(...how)
      return self()
    },
    off: (...how) => {
      emitter.off(...how)
      return self()
    },
  }
}

function take(
  request: UpgradeIncoming,
  stream: Duplex,
  head: Buffer,
  attachment: Attachment,
  listener: RunningListener,
): void {
  const unread = Buffer.concat([rebuildHead(request), head])
  const client = adopt(stream, unread)
  if (client === "taken" || client === "busy") return
  if (client !== "not a socket") {
    // What a bound listener does not even accept any more is no session, so its reason is seen by nobody.
    if (mayLackFields(request, stream)) refuse(client, new SessionEnd("head_too_large"), listener, () => {})
    else if (!attachment.bring(client)) refuse(client, draining(), listener, () => {})
  } else if (request.complete === false) {
    refuseBody(stream, listener)
  } else {
    throw new TypeError("the socket of an upgrade must be a net.Socket or a tls.TLSSocket")
  }
}

function draining(): SessionEnd {
  return new SessionEnd("drain_timeout", "", undefined, {
    status: 503,
    fieldLines: "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n",
    body: Buffer.from(`${CLOSE_REASONS.drain_timeout.text}\n`),
  })
}

/** The default of `server.maxHeadersCount`, beyond which Node.js drops fields without a word. */
const MAX_FIELDS = 1000

function mayLackFields({ rawHeaders }: UpgradeIncoming, stream: Duplex): boolean {
  const { server } = stream as { server?: { maxHeadersCount?: number | null } }
  const max = server?.maxHeadersCount ?? MAX_FIELDS
  return max > 0 && rawHeaders.length >= 2 * max
}

/** How long a client may take to read its refusal. */
const REFUSAL_MS = 2000

/** Node.js 26 passes a stream of its own as long as the request's body has not been read. */
function refuseBody(stream: Duplex, { clock }: RunningListener): void {
  const deadline = clock.after(REFUSAL_MS, () => stream.destroy()).unref()
  stream.on("error", () => {})
  stream.on("close", () => deadline.cancel())
  stream.end(writeRefusal("has_body", 400, CLOSE_REASONS.has_body.text, new Date()))
  stream.resume()
}

function hasRoute({ settings }: RunningListener, request: UpgradeIncoming): boolean {
  try {
    const fields = fieldsOf(request)
    const [host = ""] = valuesOf(fields, "host")
    const target = originForm(request.url ?? "", host)
    settings.router.route({ target, host, key: "", fields, connection: [] })
    return true
  } catch {
    return false
  }
}
