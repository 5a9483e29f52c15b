import t from "tap"
import { type InterceptorOptions, installInterceptor } from "../../lib/interceptor/interceptor.js"
import { nativeClass, openFakePage, PAGE, runScript } from "../support/interceptor/fake-page.js"
import { thrownBy } from "../support/project/thrown.js"

interface UrlCase {
  readonly title: string
  readonly options: InterceptorOptions
  readonly given: string | URL
  readonly url: string
}

const PROXY = "wss://proxy.example"
const KEYED = { proxy: PROXY, endpointId: "k" }

const urls: readonly UrlCase[] = [
  {
    title: "the path is kept and the key is added",
    options: KEYED,
    given: "wss://chat.example/room",
    url: "wss://proxy.example/room?endpointId=k",
  },
  {
    title: "the query is kept byte for byte, in front of the key",
    options: KEYED,
    given: "wss://chat.example/r?a=%7E&b=x+y&&c",
    url: "wss://proxy.example/r?a=%7E&b=x+y&c&endpointId=k",
  },
  {
    title: "a parameter of the key's name is replaced, however it is spelled",
    options: KEYED,
    given: "wss://chat.example/?endpointId=other&a=1&endpoint%49d=2",
    url: "wss://proxy.example/?a=1&endpointId=k",
  },
  {
    title: "the key is encoded",
    options: { proxy: PROXY, endpointId: "a b&c=é+" },
    given: "wss://chat.example/",
    url: "wss://proxy.example/?endpointId=a%20b%26c%3D%C3%A9%2B",
  },
  {
    title: "the parameter may have another name",
    options: { ...KEYED, parameter: "room id" },
    given: "wss://chat.example/?endpointId=1",
    url: "wss://proxy.example/?endpointId=1&room%20id=k",
  },
  {
    title: "without a key only the place changes",
    options: { proxy: PROXY },
    given: "wss://chat.example/r?a=1",
    url: "wss://proxy.example/r?a=1",
  },
  {
    title: "the proxy's path is put before the path, its query behind the query",
    options: { proxy: "wss://proxy.example/ws/?token=t", endpointId: "k" },
    given: "wss://chat.example/r?token=mine&a=1",
    url: "wss://proxy.example/ws/r?a=1&token=t&endpointId=k",
  },
  {
    title: "a proxy relative to a page over https is reached by wss, though the page asked for ws",
    options: { proxy: "/ws", endpointId: "k" },
    given: "ws://10.0.0.1:9000/r",
    url: "wss://page.example/ws/r?endpointId=k",
  },
  {
    title: "https:// of the proxy means wss://",
    options: { proxy: new URL("https://proxy.example:8443"), endpointId: "k" },
    given: "wss://chat.example",
    url: "wss://proxy.example:8443/?endpointId=k",
  },
  {
    title: "http:// of the proxy means ws://",
    options: { proxy: "http://127.0.0.1:8080", endpointId: "k" },
    given: "wss://chat.example",
    url: "ws://127.0.0.1:8080/?endpointId=k",
  },
  {
    title: "a relative URL is resolved against the page",
    options: KEYED,
    given: "../room?x=1",
    url: "wss://proxy.example/room?x=1&endpointId=k",
  },
  {
    title: "an https URL is that of a WebSocket",
    options: { ...KEYED, match: "wss://chat.example" },
    given: "https://chat.example/room",
    url: "wss://proxy.example/room?endpointId=k",
  },
  {
    title: "a URL object is taken as well",
    options: KEYED,
    given: new URL("wss://chat.example/room"),
    url: "wss://proxy.example/room?endpointId=k",
  },
  {
    title: "a URL of the proxy is left alone",
    options: KEYED,
    given: "wss://proxy.example/r?endpointId=mine",
    url: "wss://proxy.example/r?endpointId=mine",
  },
  {
    title: "a URL below the proxy's path is left alone",
    options: { ...KEYED, proxy: "/ws" },
    given: "/ws/room",
    url: "wss://page.example/ws/room",
  },
  {
    title: "a URL of the proxy's origin beside its path is not",
    options: { ...KEYED, proxy: "/ws" },
    given: "/wss/room",
    url: "wss://page.example/ws/wss/room?endpointId=k",
  },
  {
    title: "a URL of the proxy that is asked for gets its key, and its path stays",
    options: { proxy: "/ws", endpointId: "k", match: "page.example" },
    given: "/ws/room?endpointId=k",
    url: "wss://page.example/ws/room?endpointId=k",
  },
  {
    title: "user and password go to nobody else",
    options: KEYED,
    given: "wss://user:secret@chat.example/",
    url: "wss://proxy.example/?endpointId=k",
  },
  {
    title: "a map names the key of an origin",
    options: { proxy: PROXY, map: { "wss://a.example": "a", "b.example": "b" } },
    given: "wss://b.example:8443/",
    url: "wss://proxy.example/?endpointId=b",
  },
  {
    title: "an origin that the map does not name is left alone",
    options: { proxy: PROXY, map: { "wss://a.example": "a" } },
    given: "wss://b.example/",
    url: "wss://b.example/",
  },
  {
    title: "a map has wildcards, and the first that matches wins",
    options: { proxy: PROXY, map: { "*.example": "all", "a.example": "a" } },
    given: "wss://a.example/",
    url: "wss://proxy.example/?endpointId=all",
  },
  {
    title: "names of every object are in no map",
    options: { proxy: PROXY, map: {} },
    given: "wss://constructor/",
    url: "wss://constructor/",
  },
  {
    title: "a function maps a URL to its key",
    options: { proxy: PROXY, map: ({ hostname }) => hostname.split(".")[0] },
    given: "ws://a.example/",
    url: "wss://proxy.example/?endpointId=a",
  },
  {
    title: "a function that returns undefined leaves the URL alone",
    options: { proxy: PROXY, map: () => undefined },
    given: "ws://a.example/",
    url: "ws://a.example/",
  },
  {
    title: "match and map must both agree",
    options: { proxy: PROXY, match: "b.example", map: () => "k" },
    given: "ws://a.example/",
    url: "ws://a.example/",
  },
]

for (const { title, options, given, url } of urls) {
  t.test(title, async (t) => {
    const page = openFakePage()
    page.rwsInterceptor.install(options)
    const socket = new page.WebSocket(given)
    t.equal(socket.url, url)
    t.equal(new page.WebSocket(socket.url).url, url, "and again")
  })
}

const matches: readonly {
  match: InterceptorOptions["match"]
  yes: readonly string[]
  no: readonly string[]
}[] = [
  {
    match: "wss://chat.example",
    yes: ["wss://chat.example/", "https://chat.example/x", "wss://CHAT.example:443"],
    no: [
      "ws://chat.example/",
      "wss://chat.example:8443/",
      "wss://chat.example.org/",
      "wss://a/wss://chat.example",
    ],
  },
  { match: "https://Chat.example:443/", yes: ["wss://chat.example/"], no: ["ws://chat.example/"] },
  { match: "http://chat.example:80", yes: ["ws://chat.example/"], no: ["wss://chat.example/"] },
  {
    match: "chat.example",
    yes: ["ws://chat.example/", "wss://chat.example:8443/"],
    no: ["ws://chat-example/", "ws://my.chat.example/", "ws://chat.example.org/"],
  },
  { match: "chat.example:8443", yes: ["ws://chat.example:8443/"], no: ["ws://chat.example/"] },
  {
    match: "*.example.com",
    yes: ["wss://a.example.com/", "wss://a.b.example.com:1/"],
    no: ["wss://example.com/", "wss://aexample.com/", "wss://a.example.com.evil/"],
  },
  { match: "wss://*.example.com:8443", yes: ["wss://a.example.com:8443/"], no: ["wss://a.example.com/"] },
  { match: "localhost:*", yes: ["ws://localhost:3000/"], no: ["ws://localhost.example:1/"] },
  { match: "[::1]", yes: ["ws://[::1]:3000/"], no: ["ws://[::2]/"] },
  {
    match: ["a.example", /\/chat$/g],
    yes: ["ws://a.example/", "ws://b/chat", "ws://c/chat"],
    no: ["ws://b/"],
  },
  { match: ({ searchParams }) => searchParams.has("p"), yes: ["ws://a/?p"], no: ["ws://a/"] },
  { match: [], yes: [], no: ["ws://a/"] },
  { match: "httpbin.example", yes: ["ws://httpbin.example/"], no: ["ws://wsbin.example/"] },
]

for (const { match, yes, no } of matches) {
  t.test(`match ${typeof match === "object" ? String(match) || "nothing" : match}`, async (t) => {
    const page = openFakePage()
    page.rwsInterceptor.install({ proxy: PROXY, match })
    for (const url of yes) t.match(new page.WebSocket(url).url, /^wss:\/\/proxy\.example\//, url)
    for (const url of no) t.notMatch(new page.WebSocket(url).url, "proxy.example", url)
  })
}

const wrong: readonly { options: InterceptorOptions; message: RegExp }[] = [
  {
    options: { proxy: "ftp://proxy.example" },
    message: /^"ftp:\/\/proxy\.example\/" is not a URL of ws, wss/,
  },
  { options: { proxy: "wss://" }, message: /Invalid URL/ },
  ...["wss://a/b", "a/b", "a?b", "", "//a", "user@a"].map((match) => ({
    options: { proxy: PROXY, match },
    message: /" is not an origin or host$/,
  })),
  { options: { proxy: PROXY, map: { "a/b": "k" } }, message: /^"a\/b" is not an origin or host$/ },
]

for (const { options, message } of wrong) {
  t.test(`${JSON.stringify(options)} is refused, and nothing is installed`, async (t) => {
    const native = nativeClass()
    const page = openFakePage({ native })
    const error = thrownBy(() => page.rwsInterceptor.install(options))
    t.match(error, { name: "TypeError" })
    t.match(error, { message })
    t.equal(page.WebSocket, native)
  })
}

t.test("errors are those of the native class", async (t) => {
  const native = nativeClass()
  const page = openFakePage({ native, written: KEYED })
  for (const args of [[], ["wss://"], ["ftp://a/"], ["wss://a/#fragment"], ["wss://a/#"], [Symbol("url")]]) {
    const expected = thrownBy(() => new native(...args)) as Error
    const error = thrownBy(() => new page.WebSocket(...args)) as Error
    t.equal(error.name, expected.name)
    t.equal(error.message, expected.message)
  }
  t.equal((thrownBy(() => Reflect.apply(page.WebSocket, undefined, ["wss://a"])) as Error).name, "TypeError")
})

t.test("the class looks like the native one", async (t) => {
  const native = nativeClass()
  const before = new native("wss://old.example")
  const page = openFakePage({ native, written: KEYED })
  const { WebSocket } = page
  t.not(WebSocket, native)
  t.equal(WebSocket.name, "WebSocket")
  t.equal(WebSocket.length, 1)
  t.same([WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSED], [0, 1, 3])
  const socket = new WebSocket("wss://chat.example", ["a", "b"])
  t.same(socket.more, [["a", "b"]])
  t.same(new WebSocket("wss://chat.example").more, [])
  t.equal(socket.OPEN, 1)
  t.equal(Object.prototype.toString.call(socket), "[object WebSocket]")
  t.equal(socket.constructor, WebSocket)
  t.ok(socket instanceof WebSocket)
  t.ok(socket instanceof native)
  t.ok(before instanceof WebSocket, "sockets from before")
  for (const other of [{}, null, undefined, 1]) t.notOk((other as object) instanceof WebSocket)
})

t.test("others may extend the class", async (t) => {
  const { WebSocket } = openFakePage({ written: KEYED })
  class Reconnecting extends WebSocket {
    readonly extra = 1
  }
  const socket = new Reconnecting("wss://chat.example/r")
  t.match(socket, { url: "wss://proxy.example/r?endpointId=k", extra: 1 })
  t.ok(socket instanceof Reconnecting)
  t.ok(socket instanceof WebSocket)
  t.notOk(new WebSocket("wss://chat.example") instanceof Reconnecting)
})

t.test("uninstalled, it leaves nothing behind, also for those who keep the class", async (t) => {
  const native = nativeClass()
  const page = openFakePage({ native })
  const uninstall = page.rwsInterceptor.install(KEYED)
  const kept = page.WebSocket
  uninstall()
  t.equal(page.WebSocket, native)
  t.equal(new kept("wss://chat.example/").url, "wss://chat.example/")
  uninstall()
  t.equal(page.WebSocket, native)
})

t.test("uninstalled under the class of another script, it ends, and that class stays", async (t) => {
  const page = openFakePage()
  const uninstall = page.rwsInterceptor.install(KEYED)
  class Other extends page.WebSocket {}
  page.WebSocket = Other
  t.match(new page.WebSocket("wss://chat.example/").url, "proxy.example")
  uninstall()
  t.equal(page.WebSocket, Other)
  t.equal(new page.WebSocket("wss://chat.example/").url, "wss://chat.example/")
})

t.test("installed again, also by another copy of the script, the new one replaces the old one", async (t) => {
  const native = nativeClass()
  const page = openFakePage({ native, written: KEYED })
  const first = page.rwsInterceptor.uninstall
  runScript(page, { proxy: "wss://second.example", endpointId: "2" })
  t.equal(new page.WebSocket("wss://chat.example/").url, "wss://second.example/?endpointId=2")
  t.equal(Object.getPrototypeOf(page.WebSocket), native)
  first?.()
  t.equal(new page.WebSocket("wss://chat.example/").url, "wss://second.example/?endpointId=2")
  page.rwsInterceptor.uninstall?.()
  t.equal(page.WebSocket, native)
})

t.test("installed over another script's class, it extends that class", async (t) => {
  const page = openFakePage({ written: KEYED })
  class Other extends page.WebSocket {}
  page.WebSocket = Other
  const uninstall = page.rwsInterceptor.install({ proxy: PROXY, match: "b.example" })
  t.ok(new page.WebSocket("wss://b.example/") instanceof Other)
  uninstall()
  t.equal(page.WebSocket, Other)
})

t.test("where there is no WebSocket, nothing happens", async (t) => {
  const page = openFakePage({ native: null })
  page.rwsInterceptor.install(KEYED)()
  t.notOk("WebSocket" in page)
})

t.test("a WebSocket that can't be replaced is an error, not a silent bypass", async (t) => {
  const page = openFakePage()
  Object.defineProperty(page, "WebSocket", { writable: false, configurable: false })
  t.equal((thrownBy(() => page.rwsInterceptor.install(KEYED)) as Error).name, "TypeError")
})

t.test("the tag's attributes are the options of a classic script", async (t) => {
  const data = { proxy: "/ws", endpointId: "k", match: " chat.example\n *.b.example ", parameter: "id" }
  const page = openFakePage({ data })
  t.equal(new page.WebSocket("wss://chat.example/r").url, "wss://page.example/ws/r?id=k")
  t.equal(new page.WebSocket("wss://a.b.example/r").url, "wss://page.example/ws/r?id=k")
  t.equal(new page.WebSocket("wss://c.example/r").url, "wss://c.example/r")
  page.rwsInterceptor.uninstall?.()
  t.equal(new page.WebSocket("wss://chat.example/r").url, "wss://chat.example/r")
})

t.test("a tag without a proxy installs nothing yet", async (t) => {
  const native = nativeClass()
  const page = openFakePage({ native, data: { endpointId: "k" } })
  t.equal(page.WebSocket, native)
  t.equal(page.rwsInterceptor.uninstall, undefined)
})

t.test("the module can be imported where pages are rendered, and installs nothing there", async (t) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "WebSocket")
  const uninstall = installInterceptor({ proxy: new URL("/ws", PAGE), match: [] })
  uninstall()
  t.equal(Object.getOwnPropertyDescriptor(globalThis, "WebSocket")?.get, before?.get)
})
