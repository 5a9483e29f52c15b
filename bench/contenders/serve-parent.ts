/** The child's side of the conversation with the benchmark. */
import type { Answers } from "./answers.js"

/** Says where this process listens, and answers until the parent has gone. */
export function serveParent(port: number): void {
  process.on("message", async (question: keyof Answers) => process.send?.(await answer(question)))
  process.on("disconnect", () => process.exit())
  process.send?.(port)
}

async function answer(question: keyof Answers): Promise<Answers[keyof Answers]> {
  if (question === "usage") {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed } = process.memoryUsage()
    return { cpuMicros: user + system, rssBytes: rss, heapBytes: heapUsed }
  }
  if (question === "collect") {
    globalThis.gc?.()
    return null
  }
  // Imported lazily: a contender whose memory is measured does not load the inspector.
  const { Profiling } = await import("./profiling.js")
  return Profiling[question]()
}
