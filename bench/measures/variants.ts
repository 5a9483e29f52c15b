/**
 * What routes, sticky cookies, hashing, tokens, forward auth and registries with a warm cache, and TLS to the
 * backend add to a handshake of rws, and what `close_frames` adds to a message, and metrics to both.
 */
import { startChild } from "../contenders/child.js"
import { type Entry, RWS } from "../contenders/contender.js"
import { LOAD_RUNTIME } from "../contenders/runtime.js"
import { VARIANTS, type Variant } from "../contenders/rws-variants.js"
import { installedVersion } from "../contenders/system-process.js"
import { makeCertificate } from "../load/certificate.js"
import { handshakes } from "./handshakes.js"
import type { Arena, Finding, Measure } from "./measure.js"
import { messages } from "./messages.js"
import { startSound } from "./sound.js"
import { measureWork } from "./work.js"

export const variants: Measure = {
  name: "variants",
  async run(arena: Arena): Promise<Finding[]> {
    const { runtime, backendPort } = arena
    const certificate = makeCertificate()
    if (certificate === undefined) console.log("\nopenssl is not installed: rws-wss is left out")
    const { cert = "", key = "" } = certificate ?? {}
    const tlsBackend = certificate && (await startChild("load/backend.js", [cert, key], LOAD_RUNTIME))
    const entryOf = (variant: Variant): Entry => ({
      name: nameOf(variant),
      kind: "rws",
      version: "",
      isQuick: true,
      start: (port) => startChild("contenders/rws.js", [String(port), variant, cert], runtime),
    })
    const hasRedis = installedVersion("redis-server", "--version") !== undefined
    if (!hasRedis) console.log("\nredis-server is not installed: rws-registry-redis is left out")
    const plain = VARIANTS.filter(
      (variant) => variant !== "wss" && (hasRedis || variant !== "registry-redis"),
    ).map(entryOf)
    console.log()
    const contenders = await startSound(plain, backendPort)
    if (tlsBackend) contenders.push(...(await startSound([entryOf("wss")], tlsBackend.port)))
    const byMessage = [RWS, nameOf("close-frames"), nameOf("metrics")]
    const findings = [
      await measureWork(handshakes, { ...arena, contenders }),
      await measureWork(messages, {
        ...arena,
        contenders: contenders.filter(({ name }) => byMessage.includes(name)),
      }),
    ]
    for (const { process } of contenders) await process?.stop()
    await tlsBackend?.stop()
    return findings.map(({ name, title, series }) => ({
      name: `${variants.name}-${name}`,
      title: `${title}, by settings of rws`,
      series,
    }))
  },
}

function nameOf(variant: Variant): string {
  return variant === "plain" ? RWS : `${RWS}-${variant}`
}
