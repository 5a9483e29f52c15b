/** `rws interceptor`: prints the script that sends the WebSockets of a page through rws. */
import { readFileSync } from "node:fs"
import { type InterceptorOptions, installInterceptor } from "../lib/interceptor/interceptor.js"
import { UsageError } from "./usage-error.js"

export interface InterceptorFlags {
  readonly module: boolean
  readonly proxy: string | undefined
  readonly "endpoint-id": string | undefined
  /** Origins or hosts, separated by spaces, as in the attribute of the script's tag. */
  readonly match: string | undefined
  readonly parameter: string | undefined
}

/** @throws {UsageError} */
export function interceptor(flags: InterceptorFlags): void {
  const options = optionsOf(flags)
  if (options !== undefined) check(options)
  process.stdout.write(flags.module ? composeModule(options) : composeScript(options))
}

/** The ES module; with options it installs them when it is imported. */
export function composeModule(options?: InterceptorOptions): string {
  const call = options === undefined ? "" : `installInterceptor(${literalOf(options)});\n`
  return `${TITLE}${sourceOf("interceptor")}${call}`
}

/** The classic script, for `<script src>` and for `<script>` in a page. */
export function composeScript(options?: InterceptorOptions): string {
  // Names of the two modules share one scope.
  const source = ["interceptor", "script"]
    .map(sourceOf)
    .join("")
    .replace(/^import .*\n|^export /gm, "")
  return `${TITLE}(() => {\n"use strict";\n${source}runScript(${options === undefined ? "" : literalOf(options)});\n})();\n`
}

function optionsOf({ proxy, match, parameter, ...flags }: InterceptorFlags): InterceptorOptions | undefined {
  if (proxy === undefined) return undefined
  return { proxy, endpointId: flags["endpoint-id"], match: match?.trim().split(/\s+/), parameter }
}

const TITLE = "/* rws interceptor */\n"

/** The compiled file without comments, which the compiler leaves on lines of their own, and indentation. */
function sourceOf(name: string): string {
  const url = new URL(`../lib/interceptor/${name}.js`, import.meta.url)
  return readFileSync(url, "utf8")
    .replace(/^\s*(?:\/\*\*[\s\S]*?\*\/|\/\/.*)\n/gm, "")
    .replace(/^ +/gm, "")
}

/** `<` is escaped for scripts within a page: a text with `</script>` would end them. */
function literalOf(options: InterceptorOptions): string {
  return JSON.stringify(options).replaceAll("<", "\\u003c")
}

/** Finds mistakes here instead of in every browser. A relative proxy is resolved against a page. */
function check(options: InterceptorOptions): void {
  try {
    installInterceptor({ ...options, proxy: new URL(options.proxy, "http://page.example/") })()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(`--proxy or --match: ${error.message}`)
  }
}
