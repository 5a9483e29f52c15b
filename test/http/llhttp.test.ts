import { createRequire } from "node:module"
import constants from "llhttp/lib/llhttp/constants.js"
import simdWasm from "llhttp/lib/llhttp/llhttp_simd-wasm.js"
import t from "tap"
import { type HeadKind, MAX_HEAD_BYTES } from "../../lib/http/head-scanner.js"
import { BodyEnd, dissect, wasmMemoryBytes } from "../../lib/http/llhttp.js"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { readProjectFile } from "../support/project/project.js"

const memoryAtStart = wasmMemoryBytes()
const plainWasm: Buffer<ArrayBuffer> = createRequire(import.meta.url)("llhttp/lib/llhttp/llhttp-wasm.js")

const adapter = readProjectFile("lib/http/llhttp.ts")

/** The exports that the adapter's interface declares, and whether each is a function. */
function declaredExports(): Map<string, WebAssembly.ImportExportKind> {
  const body = /interface Llhttp \{\n(.*?)\n\}/s.exec(adapter)?.[1] ?? ""
  return new Map(
    body.split("\n").map((line) => {
      const [, property, method] = /^ +(?:readonly (\w+):|(\w+)\()/.exec(line) ?? []
      return method === undefined ? [property ?? line, "memory"] : [method, "function"]
    }),
  )
}

function namesIn(pattern: RegExp): string[] {
  return [...new Set(Array.from(adapter.matchAll(pattern), ([, name]) => name ?? ""))]
}

for (const [build, bytes] of [
  ["SIMD", simdWasm],
  ["plain", plainWasm],
] as const) {
  t.test(`the ${build} build of llhttp has every export that the adapter declares`, async (t) => {
    t.type(bytes, Buffer)
    const declared = declaredExports()
    t.ok(declared.size > 5, "the interface was found")
    const kinds = new Map(
      WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map((one) => [one.name, one.kind]),
    )
    for (const [name, kind] of declared) t.equal(kinds.get(name), kind, name)
  })

  t.test(
    `the ${build} build of llhttp imports exactly the callbacks that the adapter provides`,
    async (t) => {
      const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
      t.same(new Set(imports.map(({ module, kind }) => `${module} ${kind}`)), new Set(["env function"]))
      t.same(imports.map(({ name }) => name).sort(), namesIn(/(wasm_on_\w+):/g).sort())
    },
  )
}

t.test("llhttp's constants contain every name that the adapter uses, as numbers", async (t) => {
  const { ERROR, TYPE } = constants
  for (const [table, values] of Object.entries({ ERROR, TYPE })) {
    const names = namesIn(new RegExp(`\\b${table}\\.(\\w+)`, "g"))
    t.ok(names.length > 1, `${table} was found`)
    for (const name of names) t.type(values[name], "number", `${table}.${name}`)
  }
})

const FIELDS_AT = [19, 19 + 20, 19 + 20 + 20, 19 + 20 + 20 + 21, 19 + 20 + 20 + 21 + 45]

t.test("dissect returns the length of a head and the offset of each field name", async (t) => {
  const head = Buffer.from(upgradeHead({ Host: "chat.example" }, "GET /cha HTTP/1.1"))
  t.same(dissect("request", head), { fault: "", length: head.length, fieldStarts: FIELDS_AT })
})

t.test("a fault in one head does not affect the next one of either kind", async (t) => {
  const request = Buffer.from(upgradeHead())
  const answer = Buffer.from(answerHead())
  const good = [dissect("request", request), dissect("response", answer)]
  for (const bad of ["GET / HTTP/1.1\r\nX : y\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 5\r\nX:", "\0"]) {
    t.not(dissect("request", Buffer.from(bad)).fault, "")
    t.not(dissect("response", Buffer.from(bad)).fault, "")
    t.same([dissect("request", request), dissect("response", answer)], good)
  }
})

t.test("dissect accepts a head of the maximum configurable length", async (t) => {
  const start = "GET / HTTP/1.1\r\nX: "
  const head = `${start}${"x".repeat(MAX_HEAD_BYTES - start.length - 4)}\r\n\r\n`
  t.same(dissect("request", Buffer.from(head)), { fault: "", length: MAX_HEAD_BYTES, fieldStarts: [16] })
})

t.test("one body is read to its end while heads and other bodies are parsed in between", async (t) => {
  const head = Buffer.from("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n")
  const chunked = Buffer.from("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n")
  const one = new BodyEnd(head)
  const two = new BodyEnd(chunked)
  t.equal(one.read(Buffer.from("abc")), 3)
  t.equal(dissect("response", head).fault, "")
  t.equal(two.read(Buffer.from("3\r\nab")), 5)
  t.equal(dissect("request", Buffer.from("\0")).fault === "", false)
  t.equal(one.read(Buffer.from("def!")), 3)
  t.equal(two.read(Buffer.from("c\r\n0\r\n\r\n!")), 8)
  t.same([one.complete, two.complete], [true, true])
  one.free()
  two.free()
})

t.test("without SIMD support the plain build is used, with the same results", async (t) => {
  const { Module } = WebAssembly
  const refused: unknown[] = []
  WebAssembly.Module = new Proxy(Module, {
    construct(target, [bytes]) {
      if (bytes === simdWasm) {
        refused.push(bytes)
        throw new WebAssembly.CompileError("no SIMD on this machine")
      }
      return new target(bytes)
    },
  })
  t.teardown(() => {
    WebAssembly.Module = Module
  })
  const another = new URL("../../lib/http/llhttp.js?without-simd", import.meta.url).href
  const plain = (await import(another)) as typeof import("../../lib/http/llhttp.js")
  t.equal(refused.length, 1)
  for (const head of [upgradeHead(), "GET / HTTP/1.1\r\nX : y\r\n\r\n"].map((text) => Buffer.from(text))) {
    t.same(plain.dissect("request", head), dissect("request", head))
  }
})

t.test("a million heads and thousands of bodies do not grow WebAssembly memory", async (t) => {
  const heads: readonly [kind: HeadKind, head: string, good: boolean][] = [
    ["request", upgradeHead(), true],
    ["response", answerHead(), true],
    ["request", upgradeHead({ Cookie: "c".repeat(4000), "X-Empty": "", Via: ["a", "b", "c"] }), true],
    ["response", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n", true],
    ["request", upgradeHead({ "Space ": "before the colon" }), false],
    ["request", upgradeHead({ "Content-Length": ["1", "1"] }), false],
    ["request", "GET / HTTP/1.1\r\nCookie: cut", false],
    ["response", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false],
    ["response", "SSH-2.0-OpenSSH_9.2\r\n", false],
    ["request", "\x16\x03\x01\x02\x00\x01\x00\x01", false],
  ]
  const bytes = heads.map(([kind, head, good]) => ({ kind, head: Buffer.from(head, "latin1"), good }))
  let wrong = 0
  for (let heads = 0; heads < 1_000_000; ) {
    for (const { kind, head, good } of bytes) {
      if ((dissect(kind, head).fault === "") !== good) wrong++
      heads++
    }
  }
  t.equal(wrong, 0)

  const chunked = Buffer.from("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n")
  const bodies = ["5\r\nhello\r\n0\r\n\r\n", "5\r\nhel", "broken"].map((text) => Buffer.from(text))
  for (let round = 0; round < 10_000; round++) {
    for (const body of bodies) {
      const end = new BodyEnd(chunked)
      end.read(body)
      end.free()
    }
  }
  t.equal(wasmMemoryBytes(), memoryAtStart)
})

t.test("the memory check detects a parser that is never freed", async (t) => {
  const before = wasmMemoryBytes()
  const head = Buffer.from("HTTP/1.1 403 Forbidden\r\n\r\n")
  const kept = Array.from({ length: 10_000 }, () => new BodyEnd(head))
  t.ok(wasmMemoryBytes() > before)
  for (const body of kept) body.free()
})
