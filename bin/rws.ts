#!/usr/bin/env node
/**
 * Entry of the command line. Static imports are loaded before any code runs, and an old Node.js already fails
 * on the syntax of what is imported. So the version is checked here, and the rest is imported afterwards.
 */
import { tooOld } from "./node-version.js"

const complaint = tooOld(process.versions.node)
if (complaint === undefined) {
  // Before all else: by default several signals would end the process without a line.
  void import("./signals.js").then(() => import("./command-line.js"))
} else {
  console.error(complaint)
  process.exitCode = 2
}
