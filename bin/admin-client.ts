/** Asks the admin API of a running rws, for `rws ctl` and `rws top`. */
import { readFileSync } from "node:fs"
import { type IncomingMessage, request } from "node:http"
import {
  type Address,
  AddressError,
  formatAddress,
  parseAddress,
  toNetOptions,
} from "../lib/address/address.js"
import { type ConfigArguments, readConfig } from "./config-options.js"
import { RunError } from "./run-error.js"
import { UsageError } from "./usage-error.js"

export type AdminArguments = ConfigArguments & {
  /** Default: by the configuration. */
  readonly admin?: string | undefined
  readonly "token-file"?: string | undefined
}

const TIMEOUT_MS = 10_000
/** rws shows every 15 seconds that it is still there. */
const STREAM_TIMEOUT_MS = 40_000

/** Addresses that can be bound but are no destination. */
const WILDCARDS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

export class AdminClient {
  private constructor(
    private readonly address: Address,
    private readonly token: string | undefined,
  ) {
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
      throw new RunError("the token has characters that no token of [admin] may have, such as a line break")
    }
  }

  /**
   * The address and the token that are given, else those of the configuration.
   * @throws {ConfigError}
   * @throws {UsageError} when there is no address
   */
  static async find(given: AdminArguments): Promise<AdminClient> {
    const { admin, "token-file": tokenFile } = given
    // Its other flags are filters: --backend would pass for a configuration.
    const settings = admin === undefined ? (await readConfig({ config: given.config })).settings.admin : {}
    const address = admin === undefined ? settings.bind : parseAdmin(admin)
    if (address === undefined) {
      throw new UsageError("the configuration has no [admin] bind: set it, or name the address with --admin")
    }
    if (address.kind === "tcp" && address.port === 0) {
      throw new UsageError("[admin] bind has port 0: name the bound address with --admin")
    }
    const fromEnvironment = process.env.RWS_ADMIN_TOKEN || undefined
    const file = tokenFile ?? (fromEnvironment === undefined ? settings.token_file : undefined)
    const token = file === undefined ? (fromEnvironment ?? settings.token) : readToken(file)
    return new AdminClient(address, token)
  }

  /** @throws {RunError} when rws doesn't respond, or refuses */
  get<Json>(path: string): Promise<Json> {
    return this.#ask("GET", path)
  }

  /** The same, with a change. */
  post<Json>(path: string, body?: object): Promise<Json> {
    return this.#ask("POST", path, body)
  }

  /**
   * The text of a response without an end, as it comes. Ends when rws ends it.
   * @throws {RunError}
   */
  async *stream(path: string): AsyncIterable<string> {
    const response = await this.#request("GET", path, undefined, STREAM_TIMEOUT_MS)
    if (response.statusCode !== 200) throw this.#refusal(response, await this.#read(response))
    try {
      for await (const part of response) yield String(part)
    } catch (error) {
      throw this.#failure((error as Error).message)
    }
  }

  async #ask<Json>(method: string, path: string, body?: object): Promise<Json> {
    const response = await this.#request(method, path, body, TIMEOUT_MS)
    const json = await this.#read(response)
    if (response.statusCode !== 200 || json === undefined) throw this.#refusal(response, json)
    return json as Json
  }

  /** Resolves to the response, whose text is UTF-8. @param timeoutMs without a byte */
  #request(
    method: string,
    path: string,
    body: object | undefined,
    timeoutMs: number,
  ): Promise<IncomingMessage> {
    const { address, token } = this
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(payload !== undefined && { "Content-Type": "application/json" }),
      "Content-Length": Buffer.byteLength(payload ?? ""),
    }
    const where =
      address.kind === "tcp" ? { ...address, host: WILDCARDS[address.host] ?? address.host } : address
    const target = where.kind === "unix" ? { socketPath: where.path } : toNetOptions(where)
    return new Promise((resolve, reject) => {
      const asked = request({ ...target, method, path, headers, agent: false }, (response) =>
        resolve(response.setEncoding("utf8")),
      )
      asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no response within ${timeoutMs} ms`)))
      asked.on("error", ({ message }) => reject(this.#failure(message)))
      asked.end(payload)
    })
  }

  /** Resolves to the JSON; undefined if it is none. */
  async #read(response: IncomingMessage): Promise<unknown> {
    let text = ""
    try {
      for await (const part of response) text += part
    } catch (error) {
      throw this.#failure((error as Error).message)
    }
    return parsed(text)
  }

  #refusal({ statusCode = 0 }: IncomingMessage, json: unknown): RunError {
    return this.#failure(describeRefusal(statusCode, json))
  }

  #failure(text: string): RunError {
    return new RunError(`admin server ${formatAddress(this.address)}: ${text}`)
  }
}

function describeRefusal(status: number, json: unknown): string {
  const { error = `status ${status}`, problems = [] } = (json ?? {}) as {
    readonly error?: string
    readonly problems?: readonly string[]
  }
  const advice = status === 401 ? "; see --token-file and $RWS_ADMIN_TOKEN" : ""
  return [error + advice, ...problems].join("\n  ")
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseAdmin(text: string): Address {
  try {
    return parseAddress(text, 1, "host:port, [v6]:port or unix:/path")
  } catch (error) {
    if (error instanceof AddressError) throw new UsageError(`--admin: ${error.message}`)
    throw error
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim()
  } catch (error) {
    throw new RunError(`${file}: the token can't be read: ${(error as Error).message}`)
  }
}
