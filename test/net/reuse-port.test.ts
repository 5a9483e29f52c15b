import t from "tap"
import { checkConfig } from "../../lib/config/load.js"
import { hasReusePort } from "../../lib/net/reuse-port.js"

const VERSIONS: readonly (readonly [version: string, has: boolean])[] = [
  ["20.19.0", false],
  ["21.7.3", false],
  ["22.11.0", false],
  ["22.12.0", true],
  ["23.0.0", false],
  ["23.1.0", true],
  ["24.0.0", true],
  ["100.0.0", true],
]

for (const [version, has] of VERSIONS) {
  t.test(`Node.js ${version} ${has ? "has" : "lacks"} reusePort`, async (t) => {
    t.equal(hasReusePort(version), has)
  })
}

t.test("reuse_port on an older Node.js is a mistake that names the version needed", async (t) => {
  const configOf = (bind: string) => ({
    ws_proxy: [{ bind, reuse_port: true, backends: ["127.0.0.1:9000"] }],
  })
  const check = () => checkConfig(configOf("127.0.0.1:8080"))
  if (hasReusePort()) t.doesNotThrow(check)
  else t.throws(check, /ws_proxy\[0\]\.reuse_port: needs Node\.js 22\.12 or newer; this is \d/)
  t.doesNotThrow(() => checkConfig(configOf("unix:/run/rws.sock")), "a path needs no option of the system")
})
