import type { RunningProxy } from "../lib/proxy/proxy.js"

/** The first SIGTERM or SIGINT drains the proxy, a second one closes it at once. Then the process ends by itself. */
export function closeOnSignal(proxy: RunningProxy, onDrain: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let signals = 0
    const close = (signal: NodeJS.Signals) => {
      signals++
      if (signals === 1) onDrain(signal)
      proxy.close(signals === 1 ? undefined : 0).then(() => {
        process.off("SIGTERM", close)
        process.off("SIGINT", close)
        resolve()
      }, reject)
    }
    process.on("SIGTERM", close)
    process.on("SIGINT", close)
  })
}
