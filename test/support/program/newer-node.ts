/** A Node.js that has `reusePort`, for what the oldest supported version can't do. */
import { existsSync } from "node:fs"
import { hasReusePort } from "../../../lib/net/reuse-port.js"

const named = process.env.RWS_TEST_NODE ?? ""

/** The path of its binary: this one, or the one that `RWS_TEST_NODE` names; undefined if there is none. */
export const NEWER_NODE = hasReusePort() ? process.execPath : existsSync(named) ? named : undefined

/** For tap's `skip`. */
export const noNewerNode =
  NEWER_NODE === undefined && "needs Node.js 22.12: run the tests with it, or set RWS_TEST_NODE to its path"
