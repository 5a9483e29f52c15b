/** Host names whose lookups the test controls. Each is used once, because rws caches lookups. */
import dns, { type LookupAddress } from "node:dns"
import { isIPv6 } from "node:net"
import type { Test } from "tap"

type Callback = (error: Error | null, addresses?: readonly LookupAddress[]) => void

const responses = new Map<string, (callback: Callback) => void>()
const { lookup } = dns

Reflect.set(dns, "lookup", (name: string, ...rest: unknown[]) => {
  const respond = responses.get(name)
  if (respond === undefined) return Reflect.apply(lookup, dns, [name, ...rest])
  respond(rest.at(-1) as Callback)
})

function newName(respond: (callback: Callback) => void): string {
  const name = `name-${responses.size + 1}.example`
  responses.set(name, respond)
  return name
}

export function addressesOf(...addresses: readonly string[]): LookupAddress[] {
  return addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
}

/** A name that resolves to these addresses, in this order. */
export function nameOf(...addresses: readonly string[]): string {
  return newName((callback) => process.nextTick(callback, null, addressesOf(...addresses)))
}

/** A name whose lookup fails with this error. */
export function failingName(error: Error): string {
  return newName((callback) => process.nextTick(callback, error))
}

/** The result of a lookup. */
export function lookupError(code: string): Error {
  return Object.assign(new Error(`getaddrinfo ${code}`), { code, syscall: "getaddrinfo" })
}

export interface HangingName {
  readonly name: string
  /** Lookups started so far. */
  lookups(): number
  /** Completes the lookups in flight. */
  resolveTo(...addresses: readonly string[]): void
}

/** A name whose lookup stays in flight until the test completes it or ends. */
export function hangingName(t: Test): HangingName {
  const waiting: Callback[] = []
  let lookups = 0
  const name = newName((callback) => {
    lookups++
    waiting.push(callback)
  })
  const resolveTo = (...addresses: readonly string[]) => {
    for (const callback of waiting.splice(0)) callback(null, addressesOf(...addresses))
  }
  t.teardown(() => resolveTo("127.0.0.1"))
  return { name, lookups: () => lookups, resolveTo }
}
