/** What the pure functions on the way from accept to the 101 take, each by itself. */
import { runChild } from "../contenders/child.js"
import type { Arena, Finding, Measure } from "./measure.js"

/** Nanoseconds for each call, one number per round, by the name of the function. */
export type FunctionTimes = readonly (readonly [name: string, nanoseconds: readonly number[]])[]

export const functions: Measure = {
  name: "functions",
  async run({ runtime }: Arena): Promise<Finding[]> {
    const times = await runChild<FunctionTimes>("measures/functions-child.js", runtime)
    const series = [{ name: "ns/call", values: new Map(times) }] as const
    return [{ name: functions.name, title: "Functions: one call each, for a browser's upgrade", series }]
  },
}
