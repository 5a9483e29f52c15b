/**
 * A program: rws, through its library and with its defaults, in front of the backend whose port is the
 * argument.
 */
import { WsProxy } from "../../lib/index.js"
import { HOST } from "../load/port.js"
import { serveParent } from "./child.js"

const proxy = await new WsProxy([`${HOST}:${process.argv[2]}`]).bind(`${HOST}:0`)

serveParent(Number(proxy.address().slice(HOST.length + 1)))
