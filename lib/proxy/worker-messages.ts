/** What the main thread and a worker thread say to each other. */
import type { Address } from "../address/address.js"
import type { ClosedTunnels, SessionPage } from "../admin/api-types.js"
import type { SessionQuery } from "../admin/source.js"
import type { Config } from "../config/schema.js"
import type { ObserverCalls } from "../ops/observer-calls.js"
import type { Memories } from "../shared/rows.js"

/** Plain data and shared memory, from which a worker thread makes its own plan. */
export interface PostedPlan {
  readonly config: Config
  readonly memories: Memories
  /** Where the worker counts what it holds itself. */
  readonly held: Memories
  /** The name of each listener between the threads, by its identity. */
  readonly keys: ReadonlyMap<string, string>
  /** Addresses that other workers have bound already, by the listener's key. */
  readonly bound: BoundAddresses
}

/** By the listener's key. */
export type BoundAddresses = ReadonlyMap<string, Address>

/** What each command asks for, and what its reply brings. Commands are carried out one after the other. */
export interface Commands {
  /** Makes a plan and binds its new listeners. Rejects as `Plan.prepare` does. */
  readonly prepare: { readonly asked: PostedPlan; readonly reply: BoundAddresses }
  /** Puts the prepared plan in place of the previous one. */
  readonly start: { readonly asked: undefined; readonly reply: undefined }
  /** Drains a listener, and replies how many tunnels it has cut. Not awaited by the commands behind it. */
  readonly drain: {
    readonly asked: { readonly key: string; readonly timeoutMs: number; readonly delayMs: number }
    readonly reply: number
  }
  /** Replies once the listeners that drain have given up their addresses. Not awaited either. */
  readonly closed: { readonly asked: undefined; readonly reply: undefined }
  /** Closes the tunnels of the backends that may have none now. */
  readonly closeTunnels: { readonly asked: undefined; readonly reply: undefined }
  /** For the admin API, as the next two; see `LiveSessions`. Listings are not awaited. */
  readonly listSessions: { readonly asked: SessionQuery; readonly reply: SessionPage }
  readonly closeSession: { readonly asked: string; readonly reply: boolean | undefined }
  readonly closeBackend: {
    readonly asked: { readonly pool: string; readonly backend: string }
    readonly reply: ClosedTunnels
  }
  /** For tests: throws an error that nobody catches. */
  readonly crash: { readonly asked: undefined; readonly reply: undefined }
}

export type CommandName = keyof Commands

export interface Command<Name extends CommandName = CommandName> {
  readonly id: number
  readonly name: Name
  readonly asked: Commands[Name]["asked"]
}

/** From a worker thread. `error` is encoded. */
export type WorkerMessage =
  | { readonly kind: "calls"; readonly calls: ObserverCalls }
  | { readonly kind: "reply"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly error: unknown }

/** Given to a worker thread at its start. */
export interface WorkerData {
  /** Its number, from 0. */
  readonly worker: number
}
