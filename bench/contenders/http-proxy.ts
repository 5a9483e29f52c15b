/** A program: `http-proxy` in front of the backend whose port is the argument. */
import httpProxy from "http-proxy"
import { HOST } from "../load/port.js"
import { dropClient, serveUpgrades } from "./http-server.js"
import { serveParent } from "./serve-parent.js"

const proxy = httpProxy.createProxyServer({ target: { host: HOST, port: Number(process.argv[2]) } })
proxy.on("error", (_error, _request, client) => dropClient(client))

serveParent(await serveUpgrades((request, socket, early) => proxy.ws(request, socket, early)))
