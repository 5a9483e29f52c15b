/** A proxy that can't bind one of its addresses binds none, and reports which one failed and why. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect, createServer } from "node:net"
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { deadAddress } from "../support/peers/backend.js"
import { checkBindError } from "../support/program/bind-error.js"
import { collectLog } from "../support/program/log-lines.js"

const BACKENDS = ["127.0.0.1:9"]

async function takenAddress(t: { teardown(handler: () => void): void }): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

function bindAll(...addresses: string[]) {
  const { log } = collectLog()
  return createProxy({ ws_proxy: addresses.map((bind) => ({ bind, backends: BACKENDS })) }, { log })
}

async function isListening(address: string): Promise<boolean> {
  const [host = "", port] = address.split(":")
  const socket = connect({ host, port: Number(port) })
  return new Promise((resolve) => {
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}

t.test("the error for an address in use names it and the reason", async (t) => {
  const taken = await takenAddress(t)
  await checkBindError(t, bindAll(taken), `cannot listen on ${taken}: it is already in use`)
})

t.test("the error for an address that is not local names it and the reason", async (t) => {
  await checkBindError(
    t,
    bindAll("192.0.2.1:8080"),
    "cannot listen on 192.0.2.1:8080: this machine has no such address",
  )
})

t.test("the error for an unknown host name names it and the reason", async (t) => {
  await checkBindError(
    t,
    bindAll("no-such-name.invalid:8080"),
    /^cannot listen on no-such-name\.invalid:8080: /,
  )
})

for (const place of ["first", "last"] as const) {
  t.test(`if the ${place} of two addresses is in use, neither is left listening`, async (t) => {
    const taken = await takenAddress(t)
    const free = await deadAddress()
    const addresses = place === "first" ? [taken, free] : [free, taken]
    await checkBindError(t, bindAll(...addresses), `cannot listen on ${taken}: it is already in use`)
    t.equal(await isListening(free), false)
    const proxy = await bindAll(free)
    t.equal(await isListening(free), true, "the address itself was free")
    await proxy.close(0)
  })
}

t.test("one error names all addresses that can't be bound", async (t) => {
  const taken = [await takenAddress(t), await takenAddress(t)]
  await checkBindError(
    t,
    bindAll(...taken),
    taken.map((address) => `cannot listen on ${address}: it is already in use`).join("\n"),
  )
})

t.test("after a failed start nothing keeps the process alive", async (t) => {
  const taken = await takenAddress(t)
  const script = `
    import { createProxy } from "rws-proxy"
    const listener = (bind) => ({ bind, backends: ["127.0.0.1:9"] })
    await createProxy({ ws_proxy: [listener("127.0.0.1:0"), listener("${taken}")] }).catch(({ message }) => {
      console.log(message)
    })
  `
  const child = spawn(process.execPath, ["--input-type=module", "-e", script])
  t.teardown(() => child.kill())
  let said = ""
  child.stdout.on("data", (bytes) => {
    said += bytes
  })
  const [code] = await once(child, "close")
  t.equal(code, 0)
  t.equal(said, `cannot listen on ${taken}: it is already in use\n`)
})

t.test("a second proxy can't bind the address of the first, which keeps serving", async (t) => {
  const proxy = await bindAll("127.0.0.1:0")
  t.teardown(() => proxy.close(0))
  await checkBindError(t, bindAll(proxy.address()), /^cannot listen on /)
  t.equal(await isListening(proxy.address()), true)
})
