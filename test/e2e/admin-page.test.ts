/** The admin page of the real program, in Chromium. */
import { once } from "node:events"
import type { Browser } from "playwright-core"
import t, { type Test } from "tap"
import { launchChromium, noChromium, openPage } from "../support/browser/chromium.js"
import { connectWs, echo, messagesOf, startWsBackend } from "../support/peers/ws-backend.js"
import { type Serving, serveFile, untilLogged } from "../support/program/program.js"

t.setTimeout(120_000)
// They mostly wait for the page to ask again.
t.jobs = 4
const skip = noChromium
let browser: Browser
if (!skip) {
  browser = await launchChromium()
  t.teardown(() => browser.close())
}

interface Administered extends Serving {
  readonly page: string
  readonly backend: string
}

async function serve(t: Test, admin = ""): Promise<Administered> {
  const { address: backend } = await startWsBackend(t, echo)
  const serving = await serveFile(
    t,
    `[admin]
    bind = "127.0.0.1:0"
    ${admin}
    [[ws_proxy]]
    name = "public"
    bind = "127.0.0.1:0"
    backends = ["${backend}"]`,
  )
  const { bind } = await untilLogged(serving.rws, ({ msg }) => msg === "admin server listening")
  return { ...serving, page: `http://${bind}/`, backend }
}

t.test("numbers change when a tunnel opens, and closing it works", { skip }, async (t) => {
  const { address, page: url, backend } = await serve(t)
  const { page, complaints } = await openPage(t, browser, url)
  await page.locator("#state", { hasText: "serving" }).waitFor()
  await page.locator("#chart-tunnels .value", { hasText: /^0$/ }).waitFor()

  const client = await connectWs(t, `ws://${address}/some/path`)
  const next = messagesOf(client)
  client.send("x".repeat(5000))
  await next()
  await page.locator("#chart-tunnels .value", { hasText: /^1$/ }).waitFor()
  const row = page.locator("#session-table tbody tr", { hasText: "/some/path" })
  await row.filter({ hasText: "tunnel" }).filter({ hasText: "5.0 kB" }).waitFor()
  t.match(await row.innerText(), backend)
  const pool = page.locator(".pool tbody tr", { hasText: backend })
  await pool.filter({ hasText: "100 %" }).waitFor()
  t.match(await pool.innerText(), "up")
  await page.locator("#listener-table", { hasText: address }).waitFor()

  const closed = once(client, "close")
  await row.getByRole("button", { name: "Close" }).click()
  await closed
  await page.mouse.move(0, 0)
  await page.locator("#chart-tunnels .value", { hasText: /^0$/ }).waitFor()
  await page.locator("#session-range", { hasText: "0 sessions" }).waitFor()
  const ended = page.locator("#ended-table tbody tr", { hasText: "/some/path" })
  await ended.filter({ hasText: "5.0 kB" }).waitFor()
  t.strictSame(complaints, [])
})

t.test("the console echoes through a listener", { skip }, async (t) => {
  const { address, page: url } = await serve(t)
  const { page, complaints } = await openPage(t, browser, url)
  await page.locator(`#console-urls option[value="ws://${address}/"]`).waitFor({ state: "attached" })
  await page.getByRole("button", { name: "Connect" }).click()
  await page.locator("#console-entries .state", { hasText: "open after" }).waitFor()
  await page.locator("#console-message").fill("hello")
  await page.getByRole("button", { name: "Send" }).click()
  await page.locator("#console-entries .received", { hasText: "hello" }).waitFor()
  await page.getByRole("button", { name: "Disconnect" }).click()
  await page.locator("#console-entries .state", { hasText: "closed with 1000" }).waitFor()
  t.strictSame(complaints, [])
})

t.test("a backend is drained, weighted, added and removed", { skip }, async (t) => {
  const { page: url, backend } = await serve(t)
  const other = await startWsBackend(t, echo)
  const { page, complaints } = await openPage(t, browser, url)
  const row = page.locator(".pool tbody tr", { hasText: backend })
  await row.getByRole("button", { name: "Drain" }).click()
  await row.locator(".state", { hasText: "draining" }).waitFor()
  await row.getByRole("button", { name: "Undrain" }).click()
  await row.locator(".state", { hasText: "up" }).waitFor()
  await row.getByRole("spinbutton").fill("7")
  await row.getByRole("spinbutton").blur()
  await page.locator("#notice.good", { hasText: "weight 7" }).waitFor()

  await page.getByText("Add a backend to").click()
  await page.locator("input[name=address]").fill(other.address)
  await page.getByRole("button", { name: "Add", exact: true }).click()
  const added = page.locator(".pool tbody tr", { hasText: other.address })
  await added.getByRole("button", { name: "Remove" }).click()
  await page.locator("#confirm").getByRole("button", { name: "Remove" }).click()
  await added.waitFor({ state: "detached" })
  t.strictSame(complaints, [])
})

t.test("a reload that changes nothing and another log level are carried out", { skip }, async (t) => {
  const { page: url } = await serve(t)
  const { page, complaints } = await openPage(t, browser, url)
  await page.getByRole("button", { name: "Reload configuration" }).click()
  await page.locator("#notice.good", { hasText: "Reloaded" }).waitFor()
  await page.locator("#log-level").selectOption("debug")
  await page.locator("#notice.good", { hasText: "debug" }).waitFor()
  t.strictSame(complaints, [])
})

t.test("with a token the page opens after a login", { skip }, async (t) => {
  const { page: url } = await serve(t, 'token = "0123456789abcdef"')
  const { page } = await openPage(t, browser, url)
  await page.locator("#token").fill("0123456789abcdef")
  await page.getByRole("button", { name: "Log in" }).click()
  await page.locator("#state", { hasText: "serving" }).waitFor()
})
