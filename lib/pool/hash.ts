/**
 * The policy "hash": the same key goes to the same backend. Weighted rendezvous hashing: each backend has a
 * score for each key, so removing one moves only its own keys, and all proxies agree on the order without
 * talking to each other.
 */
import type { Backend } from "./backend.js"

/** All backends, the one with the highest score for this key first. */
export function orderByHash(backends: readonly Backend[], key: string): readonly Backend[] {
  const keyHash = hash(key)
  return backends
    .map((backend) => ({ backend, score: scoreOf(backend, keyHash) }))
    .sort((one, other) => other.score - one.score)
    .map(({ backend }) => backend)
}

/**
 * With u uniform between 0 and 1, each backend has the highest -weight / ln(u) in proportion to its weight.
 */
function scoreOf({ name, weight }: Backend, keyHash: number): number {
  const uniform = (mix(keyHash ^ hash(name)) + 0.5) / 2 ** 32
  return -weight / Math.log(uniform)
}

/** FNV-1a over the text's code units. Similar texts would keep similar hashes, hence `mix`. */
function hash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(hash)
}

/**
 * The finalizer of MurmurHash3: each bit of `hash` flips each bit of the result with a probability of about
 * one half.
 */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
