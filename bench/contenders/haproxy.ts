import { freePort, HOST } from "../load/port.js"
import { startSystemProcess, writeConfig } from "./system-process.js"

/** One HAProxy thread in front of the backend. */
export async function startHaproxy(backendPort: number) {
  const port = await freePort()
  return startSystemProcess(port, (folder) => [
    "haproxy",
    "-db",
    "-f",
    writeConfig(folder, configFor(port, backendPort)),
  ])
}

function configFor(port: number, backendPort: number): string {
  return `
global
  nbthread 1
  maxconn 9500
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend clients
  bind ${HOST}:${port}
  http-request deny deny_status 400 unless { req.hdr(Upgrade) -i websocket }
  default_backend backends
backend backends
  server backend ${HOST}:${backendPort}
`
}
