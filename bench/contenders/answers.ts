/** What a child answers, by the question that its parent asks. */
import type { HeapProfiler, Profiler } from "node:inspector"
import type { GCProfilerResult } from "node:v8"
import type { Usage } from "./usage.js"

export interface Answers {
  readonly usage: Usage
  /** Its garbage is collected. */
  readonly collect: null
  readonly startCpuProfile: null
  readonly stopCpuProfile: Profiler.Profile
  /** Begins to record every garbage collection. */
  readonly startCollections: null
  readonly stopCollections: Collections
  /** Begins to sample who allocates, including what is collected meanwhile. */
  readonly startAllocations: null
  readonly stopAllocations: HeapProfiler.SamplingHeapProfile
}

export interface Collections {
  readonly heapBytesBefore: number
  readonly heapBytesAfter: number
  readonly statistics: GCProfilerResult["statistics"]
}
