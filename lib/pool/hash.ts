/**
 * The policy "hash": the same key goes to the same backend. Weighted rendezvous hashing: each backend has a score for each
 * key, so taking one away moves the keys that it had and no others, and the next proxy comes to the same order by itself.
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

/** With u even between 0 and 1, the highest of all -weight / ln(u) falls to each backend as often as its weight says. */
function scoreOf({ name, weight }: Backend, keyHash: number): number {
  const even = (mix(keyHash ^ hash(name)) + 0.5) / 2 ** 32
  return -weight / Math.log(even)
}

/** FNV-1a over the text's code units. Its last steps alone would leave similar texts with similar hashes, hence `mix`. */
function hash(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(hash)
}

/** The last step of MurmurHash3: each bit of `hash` turns each bit of the result about every other time. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
