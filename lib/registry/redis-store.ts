/**
 * A registry in Redis or Valkey: a hash for each endpoint. Connects when an entry is wanted and there is no
 * connection, so it needs no timers; after a failure it leaves the server alone for a while and fails at
 * once. Nothing is queued for a server that is not there.
 */
import type { createClient } from "redis"
import type { Clock } from "../shared/clock.js"
import { fromHash, type Hash, toHash } from "./endpoint-hash.js"
import type { EndpointEntry } from "./endpoint-schema.js"
import type { RemoteStore } from "./endpoint-source.js"
import { readPassword } from "./password-file.js"

export interface RedisStoreSettings {
  /** `redis://` or `rediss://`, without a password. */
  readonly url: string
  /** File with the password; undefined: none. */
  readonly password_file?: string | undefined
  /** Of the keys of the hashes. */
  readonly prefix: string
  readonly timeout_ms: number
}

type Client = ReturnType<typeof newClient>

interface Link {
  readonly client: Client
  readonly ready: Promise<void>
  /** Rejects `ready`. A client that is destroyed while it connects may never settle by itself. */
  readonly fail: (error: Error) => void
}

/** Commands in flight; more fail at once. */
const MAX_COMMANDS = 10_000
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 2000
const SCAN_COUNT = 1000

export class RedisStore implements RemoteStore {
  #createClient: typeof createClient | undefined
  #link: Link | undefined
  #failure: Error | undefined
  #failures = 0
  #pausedUntilMs = 0
  #isStopped = false

  constructor(
    private readonly settings: RedisStoreSettings,
    private readonly clock: Pick<Clock, "nowMs">,
  ) {}

  async prepare(): Promise<void> {
    const { createClient } = await import("redis")
    passwordIn(this.settings)
    this.#createClient = createClient
  }

  async fetch(key: string, signal: AbortSignal): Promise<unknown> {
    const hash = await this.#use((client) => client.hGetAll(this.#keyOf(key)), signal)
    return fromHash({ ...hash })
  }

  /** The keys of all endpoints, in no order. */
  async list(signal: AbortSignal): Promise<string[]> {
    const { prefix } = this.settings
    return await this.#use(async (client) => {
      const keys = new Set<string>()
      const MATCH = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`
      for await (const batch of client.scanIterator({ MATCH, COUNT: SCAN_COUNT, TYPE: "hash" })) {
        for (const key of batch) keys.add(key.slice(prefix.length))
      }
      return [...keys]
    }, signal)
  }

  /** Puts an entry in the place of the one that there may be. */
  async set(key: string, entry: EndpointEntry, signal: AbortSignal): Promise<void> {
    const name = this.#keyOf(key)
    const hash: Hash = toHash(entry)
    await this.#use((client) => client.multi().del(name).hSet(name, hash).exec(), signal)
  }

  /** Returns whether there was one. */
  async remove(key: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#use((client) => client.del(this.#keyOf(key)), signal)) > 0
  }

  stop(): void {
    this.#isStopped = true
    const link = this.#link
    this.#link = undefined
    if (link === undefined) return
    // Waits for the commands in flight. Those that hang are cut off by their deadline.
    if (link.client.isReady) link.client.close().catch(() => {})
    else this.#drop(link, new Error("the store has been stopped"))
  }

  #keyOf(key: string): string {
    return this.settings.prefix + key
  }

  /** A deadline that passes ends the connection: nobody knows what else will come over it. */
  async #use<Reply>(ask: (client: Client) => Promise<Reply>, signal: AbortSignal): Promise<Reply> {
    const link = this.#connected()
    const cut = () => this.#drop(link, signal.reason as Error)
    signal.addEventListener("abort", cut, { once: true })
    try {
      await link.ready
      return await ask(link.client)
    } catch (error) {
      if (!link.client.isReady) this.#drop(link, error as Error)
      throw error
    } finally {
      signal.removeEventListener("abort", cut)
    }
  }

  #connected(): Link {
    if (this.#link !== undefined) return this.#link
    if (this.#isStopped || this.#createClient === undefined) throw new Error("the store does not run")
    if (this.#failure !== undefined && this.clock.nowMs() < this.#pausedUntilMs) throw this.#failure
    const client = newClient(this.#createClient, this.settings)
    let fail = (_error: Error) => {}
    const ready = new Promise<void>((resolve, reject) => {
      fail = reject
      client.connect().then(() => resolve(), reject)
    })
    const link: Link = { client, ready, fail }
    client.on("error", (error: Error) => this.#drop(link, error))
    // A client that is destroyed while it connects knows nothing of its socket yet.
    client.on("connect", () => {
      if (this.#link !== link) client.destroy()
    })
    ready.then(
      () => {
        this.#failures = 0
      },
      (error: Error) => this.#drop(link, error),
    )
    this.#link = link
    return link
  }

  /** Closes a connection. The next request gets another one, after a pause. */
  #drop(link: Link, error: Error): void {
    if (this.#link === link) {
      this.#link = undefined
      this.#failure = error
      const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++)
      this.#pausedUntilMs = this.clock.nowMs() + pauseMs
    }
    link.fail(error)
    link.client.destroy()
  }
}

function newClient(create: typeof createClient, settings: RedisStoreSettings) {
  const { url, timeout_ms } = settings
  return create({
    url,
    ...passwordIn(settings),
    RESP: 2,
    disableOfflineQueue: true,
    commandsQueueMaxLength: MAX_COMMANDS,
    socket: { connectTimeout: timeout_ms, reconnectStrategy: false, keepAlive: true },
  })
}

/** Read for each connection, so that the file may change. Throws `SettingError`. */
function passwordIn({ password_file }: RedisStoreSettings): { readonly password?: string } {
  return password_file === undefined ? {} : { password: readPassword(password_file) }
}
