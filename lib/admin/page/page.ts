/**
 * The admin page as one document: markup, style and script, composed when somebody opens it.
 * The script's modules are compiled like the rest of rws; they are joined here instead of by a bundler.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { composeHtml } from "./html.js"
import { STYLE } from "./style.js"

export interface AdminPage {
  readonly html: string
  /** The Content-Security-Policy that allows exactly this style and this script. */
  readonly policy: string
}

/** Not only for the page. */
export const FIGURES = "../../../ops/figures"

/** Each one only imports from those before it. Their names share one scope. */
export const CLIENT_MODULES = [
  FIGURES,
  "format",
  "rates",
  "chart-path",
  "hex",
  "socket-url",
  "dom",
  "api",
  "notices",
  "table",
  "buttons",
  "chart",
  "overview",
  "header",
  "login",
  "listeners",
  "pools",
  "sessions",
  "ended",
  "console",
  "main",
] as const

/** Reads the compiled script. Throws if it has not been built. */
export function composePage(): AdminPage {
  const script = joinModules(CLIENT_MODULES.map(readModule))
  return { html: composeHtml(STYLE, script), policy: policyFor(STYLE, script) }
}

/** Puts modules that import only each other into one scope. */
export function joinModules(sources: readonly string[]): string {
  return sources
    .map((source) => source.replace(/^import [^;]*?;$/gm, "").replace(/^export (?:\{\};$)?/gm, ""))
    .join("\n")
    .replace(/\n{2,}/g, "\n")
}

function readModule(name: string): string {
  return readFileSync(new URL(`./client/${name}.js`, import.meta.url), "utf8")
}

/** The console may connect to any listener, which is another origin. */
function policyFor(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    "img-src data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ")
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`
}
