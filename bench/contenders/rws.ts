/**
 * A program: rws, through its library and with its defaults, in front of the backend whose port is the first
 * argument. The second one names a variant, the third a file with the backend's certificate.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createProxy } from "../../lib/index.js"
import { HOST, listenAnywhere } from "../load/port.js"
import { SECRET } from "../load/token.js"
import { startRegistry } from "./registry-store.js"
import { adminOf, settingsOf, storeOf, type Variant } from "./rws-variants.js"
import { serveParent } from "./serve-parent.js"

const [, , backendPort, variant = "plain", ca = ""] = process.argv
const folder = mkdtempSync(join(tmpdir(), "rws-bench-"))
const secretFile = join(folder, "secret")
writeFileSync(secretFile, SECRET)
const authUrl = variant === "forward-auth" ? await startAuthService() : ""
const settings = settingsOf(variant as Variant, {
  backend: `${HOST}:${backendPort}`,
  ca,
  secretFile,
  authUrl,
})
const admin = adminOf(variant as Variant)
const store = storeOf(variant as Variant)
const registry = store && { endpoints: await startRegistry(store, `${HOST}:${backendPort}`, folder) }
const proxy = await createProxy({ admin, registry, ws_proxy: [{ ...settings, bind: `${HOST}:0` }] })
// The file of a registry is watched.
process.on("exit", () => rmSync(folder, { recursive: true }))

serveParent(Number(proxy.address().slice(HOST.length + 1)))

/** It is asked once, since its verdict is remembered. */
async function startAuthService(): Promise<string> {
  const service = createServer((_request, response) => response.writeHead(200, { "X-User": "ada" }).end())
  return `http://${HOST}:${await listenAnywhere(service)}/`
}
