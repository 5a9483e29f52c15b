/** Pages in a headless Chromium, as Debian ships it. */
import { accessSync, constants } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import type { Test } from "tap"

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

const installed = PATHS.find(isExecutable)

/** Why tests that need a browser are skipped; false if they are not. CI never skips them. */
export const noChromium = installed === undefined && !process.env.CI && "chromium is not installed"

export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: installed ?? "chromium",
    // Chromium's own sandbox needs privileges that containers lack. It only opens pages of these tests.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  })
}

export interface OpenedPage {
  readonly page: Page
  /** Errors and warnings of its console, uncaught errors, and what its policy has blocked. */
  readonly complaints: string[]
}

/** Opens a page in a context of its own, which is closed when the test ends. */
export async function openPage(
  t: Test,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on("pageerror", (error) => complaints.push(String(error)))
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text())
  })
  await page.goto(url)
  return { page, complaints }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
