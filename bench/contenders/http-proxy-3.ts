/** A program: `http-proxy-3` in front of the backend whose port is the argument. */
import { createProxyServer } from "http-proxy-3"
import { HOST } from "../load/port.js"
import { dropClient, serveUpgrades } from "./http-server.js"
import { serveParent } from "./serve-parent.js"

const proxy = createProxyServer({ target: { host: HOST, port: Number(process.argv[2]) } })
proxy.on("error", (_error, _request, client) => dropClient(client))

serveParent(await serveUpgrades((request, socket, early) => proxy.ws(request, socket, early)))
