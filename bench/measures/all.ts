/** All measures, in the order in which they run. */
import { both, download, upload } from "./bulk.js"
import { functions } from "./functions.js"
import { handshakes, handshakesWithReset } from "./handshakes.js"
import { latency } from "./latency.js"
import type { Measure } from "./measure.js"
import { memory } from "./memory.js"
import { largeMessages, messages } from "./messages.js"
import { refusals } from "./refusals.js"
import { variants } from "./variants.js"
import { measureWork, type Work } from "./work.js"

export const WORKS: readonly Work[] = [
  handshakes,
  handshakesWithReset,
  refusals,
  messages,
  largeMessages,
  download,
  upload,
  both,
]

export const MEASURES: readonly Measure[] = [
  ...WORKS.map((work) => ({
    name: work.name,
    run: async (arena: Parameters<Measure["run"]>[0]) => [await measureWork(work, arena)],
  })),
  latency,
  variants,
  memory,
  functions,
]
