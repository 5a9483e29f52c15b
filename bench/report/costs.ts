/** What each function has cost by itself, from V8's profiles. */
import type { HeapProfiler, Profiler, Runtime } from "node:inspector"
import { fileURLToPath } from "node:url"

export interface Cost {
  readonly function: string
  /** Relative to the repository; "" for parts of V8 and of Node that have no file. */
  readonly file: string
  readonly amount: number
}

const ROOT = new URL("../../../", import.meta.url).href

/** Microseconds by function, without idle time. */
export function costsOfCpu({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Cost[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const parts: [Runtime.CallFrame, number][] = []
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    // The time of a sample is the one until the next.
    if (frame && frame.functionName !== "(idle)") parts.push([frame, timeDeltas[index + 1] ?? 0])
  }
  return sumUp(parts)
}

/** Bytes by function. */
export function costsOfAllocations({ head }: HeapProfiler.SamplingHeapProfile): Cost[] {
  const parts: [Runtime.CallFrame, number][] = []
  const collect = ({ callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode) => {
    parts.push([callFrame, selfSize])
    for (const child of children) collect(child)
  }
  collect(head)
  return sumUp(parts)
}

/** The sums of all functions of a file. */
export function byFile(costs: readonly Cost[]): Cost[] {
  const sums = new Map<string, number>()
  for (const { file, function: name, amount } of costs) {
    const key = file === "" ? name : file
    sums.set(key, (sums.get(key) ?? 0) + amount)
  }
  return [...sums].map(([file, amount]) => ({ function: "", file, amount })).sort(dearestFirst)
}

function sumUp(parts: readonly (readonly [Runtime.CallFrame, number])[]): Cost[] {
  const costs = new Map<string, Cost>()
  for (const [{ functionName, url, lineNumber }, amount] of parts) {
    const file = url === "" ? "" : `${pathOf(url)}`
    const name = functionName === "" ? `(anonymous:${lineNumber + 1})` : functionName
    const key = `${file} ${name}`
    costs.set(key, { function: name, file, amount: (costs.get(key)?.amount ?? 0) + amount })
  }
  return [...costs.values()].sort(dearestFirst)
}

function dearestFirst(one: Cost, other: Cost): number {
  return other.amount - one.amount
}

function pathOf(url: string): string {
  if (url.startsWith(ROOT)) return url.slice(ROOT.length)
  return url.startsWith("file:") ? fileURLToPath(url) : url
}
