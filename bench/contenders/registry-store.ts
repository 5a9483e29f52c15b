/** Stores of one endpoint, which is asked for once: then it is in the cache. */
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import type { Config } from "../../lib/index.js"
import { RedisStore } from "../../lib/registry/redis-store.js"
import { systemClock } from "../../lib/shared/clock.js"
import { freePort, HOST, listenAnywhere } from "../load/port.js"
import { startSystemProcess } from "./system-process.js"

type Registry = NonNullable<Config["registry"]>[string]

/** The first label of the clients' Host. */
const KEY = "chat"
const HOUR_MS = 3_600_000

/** @param backend `HOST:PORT` */
export async function startRegistry(
  store: "file" | "redis" | "http",
  backend: string,
  folder: string,
): Promise<Registry> {
  const url = `ws://${backend}`
  const rules = { ttl_ms: HOUR_MS, allow_destinations: [backend] }
  if (store === "file") {
    const file = join(folder, "endpoints.json")
    writeFileSync(file, JSON.stringify({ endpoints: { [KEY]: { url } } }))
    return { store, file, ...rules }
  }
  if (store === "http") {
    const service = createServer((_request, response) => response.end(JSON.stringify({ url })))
    return { store, url: `http://${HOST}:${await listenAnywhere(service)}/{key}`, ...rules }
  }
  const address = await startRedis(url)
  return { store, url: address, ...rules }
}

/** A server that has the endpoint, until this process ends. Resolves to its URL. */
async function startRedis(endpointUrl: string): Promise<string> {
  const port = await freePort()
  await startSystemProcess(port, (folder) => [
    "redis-server",
    ...["--port", String(port), "--bind", HOST, "--save", "", "--logfile", "redis.log", "--dir", folder],
  ])
  const url = `redis://${HOST}:${port}`
  const store = new RedisStore({ url, prefix: "rws:endpoint:", timeout_ms: 5000 }, systemClock)
  await store.prepare()
  await store.set(KEY, { url: endpointUrl }, AbortSignal.timeout(5000))
  store.stop()
  return url
}
