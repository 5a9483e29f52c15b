/** Sums of V8's profiles by function and by file. */
import { pathToFileURL } from "node:url"
import t from "tap"
import { byFile, costsOfAllocations, costsOfCpu } from "../../bench/report/costs.js"
import { projectPath } from "../support/project/project.js"

function frame(functionName: string, url = "") {
  return { functionName, url, scriptId: "0", lineNumber: 0, columnNumber: 0 }
}

const session = pathToFileURL(projectPath("dist/lib/session/session.js")).href

t.test("a sample counts until the next one, and idle time does not count", async (t) => {
  const nodes = [
    { id: 1, callFrame: frame("(idle)") },
    { id: 2, callFrame: frame("establish", session) },
    { id: 3, callFrame: frame("writeLatin1String") },
  ]
  const profile = { nodes, startTime: 0, endTime: 100, samples: [2, 1, 3, 2], timeDeltas: [1, 10, 50, 7] }
  t.strictSame(costsOfCpu(profile), [
    { function: "establish", file: "dist/lib/session/session.js", amount: 10 },
    { function: "writeLatin1String", file: "", amount: 7 },
  ])
})

t.test("a function counts by itself, wherever it was called from", async (t) => {
  const leaf = { callFrame: frame("emit", "node:events"), selfSize: 30, id: 3, children: [] }
  const parent = { callFrame: frame("", session), selfSize: 5, id: 2, children: [leaf, leaf] }
  const head = { callFrame: frame("(root)"), selfSize: 0, id: 1, children: [parent] }
  t.strictSame(costsOfAllocations({ head }).slice(0, 2), [
    { function: "emit", file: "node:events", amount: 60 },
    { function: "(anonymous:1)", file: "dist/lib/session/session.js", amount: 5 },
  ])
})

t.test("files are summed up, and what has no file stands by itself", async (t) => {
  const costs = [
    { function: "a", file: "one.js", amount: 2 },
    { function: "b", file: "one.js", amount: 3 },
    { function: "close", file: "", amount: 4 },
  ]
  t.strictSame(
    byFile(costs).map(({ file, amount }) => [file, amount]),
    [
      ["one.js", 5],
      ["close", 4],
    ],
  )
})
