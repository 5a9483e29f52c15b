/** Validated upgrade requests, as the stages after the request head get them. */
import { parseRequestHead } from "../../../lib/http/head.js"
import { toUpgradeRequest, type UpgradeRequest } from "../../../lib/upgrade/upgrade-request.js"
import { type Fields, upgradeHead } from "./heads.js"

/** A validated request for this target, with some fields replaced, left out or added. */
export function requested(target: string, fields: Fields = {}): UpgradeRequest {
  return toUpgradeRequest(
    parseRequestHead(Buffer.from(upgradeHead(fields, `GET ${target} HTTP/1.1`), "latin1")),
  )
}
