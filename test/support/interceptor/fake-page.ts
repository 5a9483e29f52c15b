/**
 * The interceptor's classic script in a page of its own: a context with a WebSocket that connects nowhere.
 */
import { createContext, runInContext } from "node:vm"
import { composeScript } from "../../../bin/interceptor.js"
import type { InterceptorOptions, installInterceptor } from "../../../lib/interceptor/interceptor.js"

export interface FakeSocket {
  readonly url: string
  /** All arguments after the URL. */
  readonly more: readonly unknown[]
  readonly OPEN: number
  readonly constructor: unknown
}

export type FakeSocketClass = (new (
  url?: unknown,
  ...protocols: unknown[]
) => FakeSocket) & { readonly CONNECTING: number; readonly OPEN: number; readonly CLOSED: number }

/** Does what the platform's WebSocket does with its arguments (WebSockets Standard §3.1). */
class NativeWebSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 3
  readonly OPEN = 1
  readonly url: string
  readonly more: readonly unknown[]

  constructor(url: unknown, ...more: unknown[]) {
    if (url === undefined) throw new TypeError("1 argument required, but only 0 present")
    const parsed = URL.canParse(`${url}`, PAGE) ? new URL(`${url}`, PAGE) : undefined
    if (parsed === undefined) throw new SyntaxError(`The URL '${url}' is invalid`)
    parsed.protocol = parsed.protocol.replace("http", "ws")
    if (!/^wss?:$/.test(parsed.protocol)) throw new SyntaxError(`The URL's scheme must be ws or wss`)
    if (`${url}`.includes("#")) throw new SyntaxError("The URL contains a fragment identifier")
    this.url = parsed.href
    this.more = more
  }

  get [Symbol.toStringTag](): string {
    return "WebSocket"
  }
}

export const PAGE = "https://page.example/app/index.html"

export interface FakePage {
  /** As the page sees it. */
  WebSocket: FakeSocketClass
  readonly rwsInterceptor: { readonly install: typeof installInterceptor; readonly uninstall?: () => void }
}

export interface PageOptions {
  /** Attributes of the script's tag. */
  readonly data?: Readonly<Record<string, string>>
  /** Options in the script. */
  readonly written?: InterceptorOptions
  /** The global WebSocket. Default: a new native one. */
  readonly native?: unknown
}

/** Runs the script in a new page. */
export function openFakePage({ data = {}, written, native = nativeClass() }: PageOptions = {}): FakePage {
  const page = createContext({
    URL,
    URLSearchParams,
    document: { baseURI: PAGE, currentScript: { dataset: data } },
    ...(native !== undefined && native !== null && { WebSocket: native }),
  })
  runScript(page, written)
  return page as unknown as FakePage
}

/** Runs the script in this page, once more. */
export function runScript(page: object, written?: InterceptorOptions): void {
  runInContext(composeScript(written), page)
}

/** A class of its own for each page. */
export function nativeClass(): FakeSocketClass {
  return class WebSocket extends NativeWebSocket {} as unknown as FakeSocketClass
}
