/**
 * Writes screenshots of the admin page, light, dark and on a phone, to look at:
 * `node dist/test/admin/page/screenshots.js [FOLDER] [URL of a running rws]`. Default: made-up traffic.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { busyWorld } from "../../support/admin/busy-world.js"
import { startFakeAdmin } from "../../support/admin/fake-api.js"
import { launchChromium } from "../../support/browser/chromium.js"

/** Long enough for the charts to have lines. */
const WATCHED_MS = 20_000

const VIEWS = [
  { name: "light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
  { name: "dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  { name: "phone-light", colorScheme: "light", viewport: { width: 390, height: 844 } },
  { name: "phone-dark", colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const

const [folder = "/tmp/rws-admin-page", url] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })

const endings: (() => unknown)[] = []
const { world, stop } = busyWorld()
const browser = await launchChromium()
endings.push(stop, () => browser.close())
const shown = url ?? (await startFakeAdmin({ teardown: (end) => endings.push(end) }, { world })).url

await Promise.all(VIEWS.map(shoot))
for (const end of endings) await end()

async function shoot({ name, colorScheme, viewport }: (typeof VIEWS)[number]): Promise<void> {
  const page = await browser.newPage({ colorScheme, viewport })
  await page.goto(shown)
  await page.waitForTimeout(WATCHED_MS)
  const path = join(folder, `${name}.png`)
  await page.screenshot({ path, fullPage: true })
  console.log(path)
}
