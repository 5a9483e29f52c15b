/** Where the keys to verify tokens come from. */
import type { Keys } from "./verify-token.js"

export interface KeySource {
  /** The keys if they may be used now. May start to fetch newer ones. */
  peek(): Keys | undefined
  /** Rejects with `SessionEnd("keys_unavailable")`. */
  get(): Promise<Keys>
  /** Other keys than before, if there are any by now. */
  getNewer(): Promise<Keys | undefined>
  stop(): void
}

/** Keys of files. */
export class FixedKeys implements KeySource {
  constructor(private readonly keys: Keys) {}

  peek(): Keys {
    return this.keys
  }

  async get(): Promise<Keys> {
    return this.keys
  }

  async getNewer(): Promise<undefined> {}

  stop(): void {}
}
