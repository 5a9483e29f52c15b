/**
 * A program: rws, through its library and with its defaults, in front of the backend whose port is the first
 * argument. The second one names a variant, the third a file with the backend's certificate.
 */
import { createProxy } from "../../lib/index.js"
import { HOST } from "../load/port.js"
import { adminOf, settingsOf, type Variant } from "./rws-variants.js"
import { serveParent } from "./serve-parent.js"

const [, , backendPort, variant = "plain", ca = ""] = process.argv
const settings = settingsOf(variant as Variant, `${HOST}:${backendPort}`, ca)
const admin = adminOf(variant as Variant)
const proxy = await createProxy({ admin, ws_proxy: [{ ...settings, bind: `${HOST}:0` }] })

serveParent(Number(proxy.address().slice(HOST.length + 1)))
