/**
 * Sends the WebSockets of a page through rws: `new WebSocket(url)` of chosen origins goes to the proxy, with
 * its path, its query and the key of its endpoint. For browsers and workers, so it imports nothing.
 */

/**
 * Which URLs are meant: an origin (`wss://chat.example.com`; `https://` means the same) or a host
 * (`chat.example.com`, on every port, or `localhost:3000`), in which `*` stands for any text; an expression
 * for the whole URL; or a function.
 */
export type Match = string | RegExp | ((url: URL) => boolean)

export interface InterceptorOptions {
  /**
   * URL of rws: ws, wss, http or https, or relative to the page. Its path is put before the path of each
   * WebSocket, its query behind the query.
   */
  readonly proxy: string | URL
  /** Key of the endpoint in the registry of rws. Default: none is sent. */
  readonly endpointId?: string | undefined
  /** Keys by origin or host, as in `match`, or a function. WebSockets without a key are left alone. */
  readonly map?: Readonly<Record<string, string>> | ((url: URL) => string | undefined) | undefined
  /** Which WebSockets go to rws. Default: all that do not lead there anyway. */
  readonly match?: Match | readonly Match[] | undefined
  /** Query parameter with the key. Default: "endpointId". */
  readonly parameter?: string | undefined
}

type SocketClass = new (url: string, ...protocols: (string | string[])[]) => object

interface Scope {
  WebSocket?: SocketClass & { readonly [NATIVE]?: SocketClass }
  readonly document?: { readonly baseURI: string }
  readonly location?: { readonly href: string }
}

/** Marks our class, also that of another copy of this script, and holds the class that it has replaced. */
const NATIVE: unique symbol = Symbol.for("rws-proxy.native")

const scope = globalThis as unknown as Scope

/**
 * Replaces the global WebSocket by a subclass. A second call replaces the first one's. Does nothing where
 * there is no WebSocket, as on a server that renders pages.
 * @returns a function that ends this, also for those who keep our class
 * @throws {TypeError} for a wrong option, or if the global is frozen
 */
export function installInterceptor(options: InterceptorOptions): () => void {
  const rewrite = rewriteBy(options)
  const current = scope.WebSocket
  if (current === undefined) return () => {}
  const Native = (Object.hasOwn(current, NATIVE) && current[NATIVE]) || current
  let isActive = true

  class WebSocket extends Native {
    static readonly [NATIVE] = Native

    /** Sockets that are older than this class are instances of it, too. Its subclasses do without that. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      // biome-ignore lint/complexity/noThisInStatic: `this` may be a subclass
      return this === WebSocket ? value instanceof Native : super[Symbol.hasInstance](value)
    }

    // One parameter and a rest, so that the length is 1, as that of the native class.
    constructor(url: string, ...protocols: (string | string[])[]) {
      const target = isActive ? rewrite(url) : url
      // Without a URL the native class throws its own error.
      super(...((url === undefined ? [] : [target, ...protocols]) as [string]))
    }
  }

  scope.WebSocket = WebSocket
  return () => {
    isActive = false
    if (scope.WebSocket === WebSocket) scope.WebSocket = Native
  }
}

/** Returns a function that turns the URL of a WebSocket into the one to connect to. */
function rewriteBy({
  proxy: given,
  endpointId,
  map,
  match,
  parameter = "endpointId",
}: InterceptorOptions): (given: string) => string {
  const proxy = toSocketUrl(given)
  if (!isSocketUrl(proxy)) throw new TypeError(`"${proxy}" is not a URL of ws, wss, http or https`)
  const base = proxy.pathname.replace(/\/*$/, "")
  const tests = match === undefined ? undefined : [match].flat().map(toTest)
  const keyOf = typeof map === "object" ? keyIn(map) : (map ?? (() => endpointId))
  return (given) => {
    const text = `${given}`
    // The native class throws its own error for what is not a URL, and for one with a fragment.
    const url = text.includes("#") ? undefined : toSocketUrlIfValid(text)
    if (url === undefined || !isSocketUrl(url)) return text
    const isThere = url.origin === proxy.origin && `${url.pathname}/`.startsWith(`${base}/`)
    const isMeant = tests?.some((test) => test(url)) ?? !isThere
    if (!isMeant) return text
    const key = keyOf(url)
    if (map !== undefined && key === undefined) return text
    const added = [
      proxy.search.slice(1),
      key === undefined ? "" : `${encodeURIComponent(parameter)}=${encodeURIComponent(key)}`,
    ].filter((part) => part !== "")
    const names = new URLSearchParams(added.join("&"))
    // The rest of the query stays byte for byte.
    const kept = url.search
      .slice(1)
      .split("&")
      .filter((part) => part !== "" && !hasName(names, part))
    const query = [...kept, ...added].join("&")
    return proxy.origin + (isThere ? "" : base) + url.pathname + (query && `?${query}`)
  }
}

function hasName(names: URLSearchParams, part: string): boolean {
  return [...new URLSearchParams(part).keys()].some((name) => names.has(name))
}

function toSocketUrl(url: string | URL): URL {
  const parsed = new URL(url, scope.document?.baseURI ?? scope.location?.href)
  parsed.protocol = parsed.protocol.replace("http", "ws")
  return parsed
}

function isSocketUrl({ protocol }: URL): boolean {
  return /^wss?:$/.test(protocol)
}

function toSocketUrlIfValid(text: string): URL | undefined {
  try {
    return toSocketUrl(text)
  } catch {
    return undefined
  }
}

function keyIn(map: Readonly<Record<string, string>>): (url: URL) => string | undefined {
  const entries = Object.entries(map).map(([pattern, key]) => ({ test: toTest(pattern), key }))
  return (url) => entries.find(({ test }) => test(url))?.key
}

function toTest(match: Match): (url: URL) => boolean {
  if (typeof match === "function") return match
  // `search` ignores the state of an expression with the flag g.
  if (typeof match !== "string") return ({ href }) => href.search(match) >= 0
  if (!/^(\w+:\/\/)?[^/?#@]+\/?$/.test(match)) throw new TypeError(`"${match}" is not an origin or host`)
  const source = match
    .toLowerCase()
    .replace(/\/$/, "")
    .replace(/^http(s?:\/\/)/, "ws$1")
    .replace(/^(wss:.*):443$|^(ws:.*):80$/, "$1$2")
    .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
  const pattern = new RegExp(`^${source}$`)
  return ({ origin, host, hostname }) => [origin, host, hostname].some((text) => pattern.test(text))
}
