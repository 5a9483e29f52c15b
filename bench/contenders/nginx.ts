import { freePort, HOST } from "../load/port.js"
import { startSystemProcess, writeConfig } from "./system-process.js"

/** One nginx process in front of the backend, configured as its documentation says for WebSocket. */
export async function startNginx(backendPort: number) {
  const port = await freePort()
  return startSystemProcess(port, (folder) => [
    "nginx",
    "-c",
    writeConfig(folder, configFor(port, backendPort, folder)),
  ])
}

function configFor(port: number, backendPort: number, folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
  return `
    daemon off;
    master_process off;
    pid ${folder}/pid;
    error_log stderr crit;
    events { worker_connections 19000; }
    http {
      access_log off;
      ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n")}
      server {
        listen ${HOST}:${port};
        location / {
          if ($http_upgrade = "") { return 400; }
          proxy_pass http://${HOST}:${backendPort};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "Upgrade";
        }
      }
    }`
}
