/** The child's side of `--cpu-prof` and `--allocations`. */
import { Session } from "node:inspector/promises"
import { GCProfiler } from "node:v8"
import type { Answers, Collections } from "./answers.js"

/** A sample each 100 µs: a handshake takes about twice that. */
const CPU_INTERVAL_MICROS = 100
/** One sample for so many allocated bytes, on average. */
const ALLOCATION_INTERVAL_BYTES = 4096

const session = new Session()
session.connect()
let collections: { readonly profiler: GCProfiler; readonly heapBytesBefore: number } | undefined

export const Profiling = {
  async startCpuProfile() {
    await session.post("Profiler.enable")
    await session.post("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_MICROS })
    await session.post("Profiler.start")
    return null
  },
  async stopCpuProfile() {
    const { profile } = await session.post("Profiler.stop")
    return profile
  },
  startCollections() {
    const profiler = new GCProfiler()
    profiler.start()
    collections = { profiler, heapBytesBefore: process.memoryUsage().heapUsed }
    return null
  },
  stopCollections(): Collections {
    if (collections === undefined) throw new Error("collections are not being recorded")
    const { profiler, heapBytesBefore } = collections
    const heapBytesAfter = process.memoryUsage().heapUsed
    return { heapBytesBefore, heapBytesAfter, statistics: profiler.stop()?.statistics ?? [] }
  },
  async startAllocations() {
    const options = {
      samplingInterval: ALLOCATION_INTERVAL_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    }
    await session.post("HeapProfiler.startSampling", options)
    return null
  },
  async stopAllocations() {
    const { profile } = await session.post("HeapProfiler.stopSampling")
    return profile
  },
} satisfies { [Question in Exclude<keyof Answers, "usage" | "collect">]: () => unknown }
