import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { scrape, scrapeUntil } from "../../support/metrics/scrape.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { attempt } from "../../support/peers/counted-client.js"
import {
  serveRws,
  startRws,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../../support/program/program.js"

t.test("with flags only, --admin-bind serves metrics, and the log says where", async (t) => {
  const echo = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [echo.address], ["--admin-bind", "127.0.0.1:0"])
  const { bind } = await untilLogged(rws, ({ msg }) => msg === "admin server listening")
  const tunnel = await attempt(address)
  t.equal((await scrape(String(bind))).value("rws_live_tunnels"), 1)
  rws.signal("SIGTERM")
  await untilLogged(rws, ({ msg }) => String(msg).startsWith("draining"))
  t.equal((await scrape(String(bind))).value("rws_ready"), 0, "during the drain it still says what is open")
  await tunnel.close()
  t.equal((await rws.untilExit()).code, 0)
})

t.test("a reload of a file with mistakes is counted as refused", async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, "rws.toml")
  const write = async (name: string) => {
    const text = `[admin]\nbind = "127.0.0.1:0"\n[[ws_proxy]]\nbind = "127.0.0.1:0"\n${name}\nbackends = ["a:1"]\n`
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await write("")
  const { rws } = await untilServing(startRws(t, ["--config", file]))
  const { bind } = await untilLogged(rws, ({ msg }) => msg === "admin server listening")
  await write("nonsense = 1")
  rws.signal("SIGHUP")
  const metrics = await scrapeUntil(String(bind), (now) => now.value("rws_reload_failures_total") === 1)
  t.equal(metrics.value("rws_reload_failures_total"), 1)
  t.equal(metrics.value("rws_reloads_total"), 0)
})

t.test("an admin address for other machines without a token is refused", async (t) => {
  const rws = startRws(t, ["--bind=127.0.0.1:0", "--backend=a:1", "--admin-bind=0.0.0.0:0"])
  const { code } = await rws.untilExit()
  t.equal(code, 2)
  t.match(rws.stderr, /--admin-bind: needs token_file or token: other machines can connect to this address/)
})
