/** Pseudo-random values that are the same in every run: the seed reproduces a failing case. */

export type Random = () => number

/**
 * A generator of numbers from 0 (included) to 1 (excluded): mulberry32, which is small and even enough for
 * tests.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `least` to `most`, both included. */
export function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1))
}

export function oneOf<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[between(random, 0, choices.length - 1)] ?? choices[0]
}

/** A string of characters from `alphabet`. */
export function textOf(random: Random, alphabet: string, least: number, most: number): string {
  let text = ""
  for (let length = between(random, least, most); length > 0; length--) {
    text += alphabet.charAt(between(random, 0, alphabet.length - 1))
  }
  return text
}
