/** The admin page in Chromium, in front of an API whose values the tests set. */
import type { Browser, Page } from "playwright-core"
import t, { type Test } from "tap"
import { AdminError } from "../../../lib/admin/route.js"
import { CLOSE_REASONS } from "../../../lib/close-reason.js"
import {
  backend,
  endedSession,
  type FakeAdmin,
  listener,
  liveSession,
  startFakeAdmin,
  type World,
} from "../../support/admin/fake-api.js"
import { launchChromium, noChromium, openPage } from "../../support/browser/chromium.js"
import { echo, startWsBackend } from "../../support/peers/ws-backend.js"

t.setTimeout(120_000)
// They mostly wait for the page to ask again.
t.jobs = 4
let browser: Browser
if (!noChromium) {
  browser = await launchChromium()
  t.teardown(() => browser.close())
}

interface Shown {
  readonly admin: FakeAdmin
  readonly world: World
  readonly page: Page
  /** Errors that the browser has reported. Checked at the end of each test. */
  readonly complaints: readonly string[]
}

/** Opens the page in front of this API, and waits until it has its values. */
async function show(t: Test, change: (world: World) => void = () => {}): Promise<Shown> {
  const admin = await startFakeAdmin(t)
  change(admin.world)
  const { page, complaints } = await openPage(t, browser, admin.url)
  await page.locator("#state", { hasText: "serving" }).waitFor()
  return { admin, world: admin.world, page, complaints }
}

/** Waits until an element with this text is there. */
function seen(page: Page, selector: string, text: string | RegExp): Promise<void> {
  return page.locator(selector, { hasText: text }).first().waitFor()
}

/** Waits until it has happened: requests are counted by the server, not by the page. */
async function until(page: Page, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 300 && !holds(); turn++) await page.waitForTimeout(20)
  if (!holds()) throw new Error("it has not happened")
}

function changeTotals(world: World, totals: Partial<World["status"]["totals"]>): void {
  world.status = { ...world.status, totals: { ...world.status.totals, ...totals } }
}

const skip = noChromium

t.test("figures and charts follow the status, second by second", { skip }, async (t) => {
  const { world, page, complaints } = await show(t)
  await seen(page, "#chart-tunnels .value", /^0$/)
  await seen(page, "#refusal-reasons", "none since the start")
  changeTotals(world, { liveTunnels: 1234, refusals: { rate_limited: 7, bad_key: 2 } })
  const growing = setInterval(() => {
    const { tunnels, bytesFromClient } = world.status.totals
    changeTotals(world, { tunnels: tunnels + 5, bytesFromClient: bytesFromClient + 500_000 })
  }, 100)
  t.teardown(() => clearInterval(growing))
  await seen(page, "#chart-tunnels .value", /^1,234$/)
  await seen(page, "#chart-handshakes .value", /^(?!0\.0)[\d.]+$/)
  await seen(page, "#chart-bytes .value", /MB\/s$/)
  await seen(page, "#refusal-reasons li:first-child", /^rate_limited7$/)
  await seen(page, "#refusal-reasons li:last-child", /^bad_key2$/)
  t.equal(await page.title(), "1,234 tunnels · rws")
  t.match(await page.locator("#chart-tunnels svg").getAttribute("aria-label"), /^Open tunnels: 1,234; /)
  t.match(await page.locator("#chart-tunnels .line").getAttribute("d"), /^M\d+,48L/)
  await page.locator("#chart-tunnels svg").hover({ position: { x: 2, y: 2 } })
  await seen(page, "#chart-tunnels .moment", /^1\d\d s ago$/)
  await seen(page, "#chart-tunnels .value", /^–$/)
  await page.mouse.move(0, 0)
  await seen(page, "#chart-tunnels .moment", "last 2 minutes")
  t.strictSame(complaints, [])
})

t.test("a pool shows each backend's state with its reason, share and load", { skip }, async (t) => {
  const { page, complaints } = await show(t, (world) => {
    const backends = [
      backend("one:9000", { share: 0.75, active: 3, maxConnections: 100, dials: 40 }),
      backend("two:9000", { state: "down", reason: "connection refused", failures: 12 }),
    ]
    world.pools = [{ name: "chat", balance: "least_connections", backends }]
  })
  await seen(page, ".pool .title", "least_connections · 1 of 2 up")
  const [one = "", two = ""] = await page.locator(".pool tbody tr").allInnerTexts()
  for (const text of ["one:9000", "up", "75 %", "3 / 100", "40"]) t.match(one, text)
  for (const text of ["two:9000", "down", "connection refused", "12"]) t.match(two, text)
  t.strictSame(complaints, [])
})

t.test("backends are drained, weighted, added and removed", { skip }, async (t) => {
  const { admin, world, page, complaints } = await show(t)
  const path = "/api/pools/chat/backends"
  await page.getByRole("button", { name: "Drain 10.0.0.7:9000" }).click()
  await seen(page, "#notice", "10.0.0.7:9000 gets no new sessions.")

  await page.getByLabel("Weight of 10.0.0.7:9000").fill("5")
  await page.getByLabel("Weight of 10.0.0.7:9000").blur()
  await seen(page, "#notice", "has the weight 5")

  await page.getByText("Add a backend to chat").click()
  await page.getByLabel("Address").fill("10.0.0.8:9000")
  await page.getByRole("button", { name: "Add", exact: true }).click()
  await seen(page, "#notice", "10.0.0.8:9000 has been added")

  await page.getByRole("button", { name: "Remove 10.0.0.7:9000" }).click()
  await page.getByRole("button", { name: "Cancel" }).click()
  await page.getByRole("button", { name: "Remove 10.0.0.7:9000" }).click()
  await page.locator("#confirm").getByRole("button", { name: "Remove" }).click()
  await seen(page, "#notice", "10.0.0.7:9000 has been removed.")

  world.pools = [{ name: "chat", balance: "random", backends: [backend("a:1", { state: "draining" })] }]
  await page.getByRole("button", { name: "Undrain a:1" }).click()
  await seen(page, "#notice", "a:1 gets new sessions again.")
  t.strictSame(admin.orders, [
    `${path}/10.0.0.7:9000/drain`,
    `${path}/10.0.0.7:9000/weight {"weight":5}`,
    `${path} {"address":"10.0.0.8:9000","weight":1}`,
    `${path}/10.0.0.7:9000/remove`,
    `${path}/a:1/undrain`,
  ])
  t.strictSame(complaints, [])
})

t.test(
  "the tunnels of a backend are closed, and a blocked worker thread is reported",
  { skip },
  async (t) => {
    const { admin, page, complaints } = await show(t, (world) => {
      world.response = { closed: 3, incomplete: true }
    })
    await page.getByRole("button", { name: "Close tunnels of 10.0.0.7:9000" }).click()
    await page.locator("#confirm").getByRole("button", { name: "Close tunnels" }).click()
    await seen(page, "#notice", "are being closed. A worker thread does not respond")
    t.strictSame(admin.orders, ["/api/pools/chat/backends/10.0.0.7:9000/close"])
    t.strictSame(complaints, [])
  },
)

t.test("sessions are sorted, filtered and paged by the API", { skip }, async (t) => {
  const { admin, page, complaints } = await show(t, (world) => {
    world.sessions = Array.from({ length: 35 }, (_, index) =>
      liveSession(String(index + 1), { bytesFromBackend: index * 1000 }),
    )
  })
  await seen(page, "#session-range", "1–25 of 35")
  const first = page.locator("#session-table tbody tr").first()
  const header = page.locator("#session-table th", { hasText: "From backend" })
  await header.getByRole("button", { name: "From backend", exact: true }).click()
  await first.filter({ hasText: "192.0.2.35:" }).waitFor()
  t.equal(await header.getAttribute("aria-sort"), "descending")
  await header.getByRole("button", { name: "From backend", exact: true }).click()
  await first.filter({ hasText: "192.0.2.1:" }).waitFor()
  t.equal(await header.getAttribute("aria-sort"), "ascending")

  await page.getByRole("button", { name: "Next" }).click()
  await seen(page, "#session-range", "26–35 of 35")
  t.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true)

  await page.getByRole("searchbox", { name: "Client" }).fill("192.0.2.35:")
  await seen(page, "#session-range", "1–1 of 1")
  await page.locator("[name=stage]").selectOption("tunnel")
  await until(page, () => admin.queries.at(-1)?.includes("stage=tunnel") === true)
  t.equal(admin.queries.at(-1), "client=192.0.2.35%3A&stage=tunnel&sort=bytesFromBackend&limit=25&offset=0")
  t.strictSame(complaints, [])
})

t.test("a session is closed, and the keyboard goes on at its neighbour", { skip }, async (t) => {
  const { admin, page, complaints } = await show(t, (world) => {
    world.sessions = [liveSession("1", { ageMs: 1 }), liveSession("2", { ageMs: 2 })]
  })
  await page.getByRole("button", { name: "Close the session of 192.0.2.1:50000" }).focus()
  await page.keyboard.press("Enter")
  await seen(page, "#notice", "The session of 192.0.2.1:50000 has been closed.")
  await seen(page, "#session-range", "1–1 of 1")
  t.strictSame(admin.orders, ["/api/sessions/1/close"])
  t.equal(await page.locator(":focus").getAttribute("aria-label"), "Close the session of 192.0.2.2:50000")
  t.strictSame(complaints, [])
})

t.test("rows stay where they are while the pointer is over them", { skip }, async (t) => {
  const { world, page, complaints } = await show(t, (world) => {
    world.sessions = [liveSession("1", { ageMs: 1 }), liveSession("2", { ageMs: 2 })]
  })
  const rows = page.locator("#session-table tbody tr")
  await rows.nth(1).hover()
  world.sessions = [liveSession("3", { ageMs: 0 }), liveSession("2", { ageMs: 2, bytesFromClient: 777 })]
  await rows.nth(1).filter({ hasText: "777 B" }).waitFor()
  t.match(await rows.nth(0).innerText(), "192.0.2.1:")
  t.match(await rows.nth(0).getAttribute("class"), "ended")
  await page.mouse.move(0, 0)
  await rows.nth(0).filter({ hasText: "192.0.2.3:" }).waitFor()
  t.equal(await rows.count(), 2)
  t.strictSame(complaints, [])
})

t.test("ended sessions say why in words, and every word of the filter has to occur", { skip }, async (t) => {
  const { page, complaints } = await show(t, (world) => {
    world.ended = [
      endedSession({ reason: "client_fin", tunnelMs: 1500 }),
      endedSession({ reason: "connect_timeout", status: 504, requestId: "4bf92f35" }),
    ]
  })
  await seen(page, "#ended-table", CLOSE_REASONS.client_fin.text)
  await page.getByLabel("Contains").fill("504 TIME 4BF92")
  await seen(page, "#ended-count", "1 of the last 2")
  const text = await page.locator("#ended-table tbody tr").innerText()
  for (const part of ["504", CLOSE_REASONS.connect_timeout.text, "connect_timeout · backend"])
    t.match(text, part)
  t.strictSame(complaints, [])
})

t.test("listeners show their use and where their routes lead", { skip }, async (t) => {
  const { page, complaints } = await show(t, (world) => {
    const route = { route: 1, host: ["a.example"], path: "/x", header: [], query: ["room"], pool: "ticker" }
    world.listeners = [listener("public", "0.0.0.0:80", { sessions: 5, maxConnections: 9, routes: [route] })]
  })
  await seen(page, "#listener-table", "5 / 9")
  await seen(page, "#listener-table", "1: host a.example, path /x, query room → ticker")
  await seen(page, "#listener-table", "everything else → chat")
  t.strictSame(complaints, [])
})

t.test("a reload and another log level are ordered", { skip }, async (t) => {
  const { admin, page, complaints } = await show(t)
  await page.getByRole("button", { name: "Reload configuration" }).click()
  await seen(page, "#notice", "Reloaded: a change.")
  await page.getByLabel("Log level").selectOption("debug")
  await seen(page, "#notice", "The log level is debug")
  t.strictSame(admin.orders, ["/api/reload", '/api/log-level {"level":"debug"}'])
  t.strictSame(complaints, [])
})

t.test("what rws refuses is shown with its problems", { skip }, async (t) => {
  const admin = await startFakeAdmin(t)
  admin.world.refusal = new AdminError(422, "refused", { problems: ["line 3: no such key"] })
  // The browser itself writes failed requests to the console.
  const { page } = await openPage(t, browser, admin.url)
  await page.getByRole("button", { name: "Reload configuration" }).click()
  await seen(page, "#notice.bad", "refused; line 3: no such key")
})

t.test("with a token the page asks for it, and shows nothing before", { skip }, async (t) => {
  const admin = await startFakeAdmin(t, { token: "a-secret-token" })
  const { page } = await openPage(t, browser, admin.url)
  const dialog = page.getByRole("dialog", { name: "Token" })
  await dialog.waitFor()
  await page.keyboard.press("Escape")
  await dialog.waitFor()
  t.equal(await page.locator("#fact-node").innerText(), "–")
  await page.locator("#token").fill("wrong")
  await page.keyboard.press("Enter")
  await seen(page, "#login-error", "This is not the token.")
  await page.locator("#token").fill("a-secret-token")
  await page.keyboard.press("Enter")
  await seen(page, "#state", "serving")
  await seen(page, "#fact-node", "24.1.0")
  t.equal(await dialog.isVisible(), false)
})

t.test("when rws does not respond, the page says so and keeps the last values", { skip }, async (t) => {
  const admin = await startFakeAdmin(t)
  changeTotals(admin.world, { liveTunnels: 77 })
  const { page } = await openPage(t, browser, admin.url)
  await seen(page, "#chart-tunnels .value", /^77$/)
  await admin.close()
  await seen(page, "#alert", "rws does not respond. Trying again every second")
  await seen(page, "#state", "outdated")
  await seen(page, "#chart-tunnels .value", /^77$/)
})

t.test("a paused page asks for nothing", { skip }, async (t) => {
  const { world, page, complaints } = await show(t)
  await page.getByRole("button", { name: "Pause" }).click()
  await seen(page, "#state", "paused")
  changeTotals(world, { liveTunnels: 5 })
  await page.waitForTimeout(2500)
  await seen(page, "#chart-tunnels .value", /^0$/)
  await page.getByRole("button", { name: "Resume" }).click()
  await seen(page, "#chart-tunnels .value", /^5$/)
  t.strictSame(complaints, [])
})

t.test("the console opens a WebSocket and shows what goes over it", { skip }, async (t) => {
  const { address } = await startWsBackend(t, echo)
  const { page, complaints } = await show(t, (world) => {
    world.listeners = [listener("public", address)]
  })
  await page.locator(`#console-urls option[value="ws://${address}/"]`).waitFor({ state: "attached" })
  t.equal(await page.getByLabel("URL").inputValue(), `ws://${address}/`)
  await page.getByRole("button", { name: "Connect" }).click()
  await seen(page, "#console-entries .state", /open after [\d.]+ ms/)

  await page.getByLabel("Message (").fill("<b>grüß</b>")
  await page.keyboard.press("Control+Enter")
  await seen(page, "#console-entries .sent", "<b>grüß</b>")
  await seen(page, "#console-entries .received", /text, 13 B, [\d.]+ ms after the last one sent/)

  await page.locator("#console-kind").selectOption("binary")
  await page.getByLabel("Message (").fill("00 ff 1")
  await page.getByRole("button", { name: "Send" }).click()
  await page.getByLabel("Message (").fill("00 ff 10")
  await page.getByRole("button", { name: "Send" }).click()
  await seen(page, "#console-entries .received", /binary, 3 B.*00 ff 10/)
  t.equal(await page.locator("#console-entries .sent").count(), 2, "an odd digit is not sent")

  await page.getByRole("button", { name: "Disconnect" }).click()
  await seen(page, "#console-entries .state", /closed with 1000/)
  t.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true)
  t.strictSame(complaints, [])
})

t.test("text from clients is never markup", { skip }, async (t) => {
  const path = "/<img src=x onerror=alert(1)>"
  const { page, complaints } = await show(t, (world) => {
    world.sessions = [liveSession("1", { path })]
    world.ended = [endedSession({ path })]
  })
  await seen(page, "#session-table", path)
  await seen(page, "#ended-table", path)
  t.equal(await page.locator("img").count(), 0)
  t.strictSame(complaints, [])
})

for (const width of [360, 390, 768, 1280]) {
  t.test(`nothing is wider than a window of ${width} px`, { skip }, async (t) => {
    const admin = await startFakeAdmin(t)
    admin.world.sessions = [liveSession("1", { path: `/${"long".repeat(60)}` })]
    admin.world.ended = [endedSession({ text: "words ".repeat(40) })]
    const { page } = await openPage(t, browser, admin.url, { viewport: { width, height: 800 } })
    await seen(page, "#session-table", "192.0.2.1")
    t.equal(await page.evaluate("document.documentElement.scrollWidth"), width)
  })
}
