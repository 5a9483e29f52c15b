/**
 * The TLS terminators of the README with the README's own configurations: only paths, ports and addresses are
 * replaced, and fragments are completed.
 */
import { constants } from "node:fs"
import { access, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import type { Test } from "tap"
import { Program, temporaryFolder } from "../../support/program/program.js"
import { blockOf } from "../../support/project/readme.js"
import type { Certificate } from "./certificate.js"

export interface Terminator {
  readonly command: string
  /** Its Debian package. */
  readonly debian: string
  /** The tag of its block in the README. */
  readonly tag: string
  /** Speaks HTTP and sends X-Forwarded-For. The others pass bytes and send a PROXY header. */
  readonly forwards: boolean
  /** Speaks HTTP/2 with clients that offer it. */
  readonly http2: boolean
  readonly arguments: (file: string) => readonly string[]
  /** Completes the README's fragment; `listen` is `127.0.0.1:PORT`. */
  readonly complete: (fragment: string, listen: string, folder: string) => string
  /** Its output once it listens. */
  readonly ready: RegExp
}

export const TERMINATORS: readonly Terminator[] = [
  {
    command: "nginx",
    debian: "nginx",
    tag: "nginx",
    forwards: true,
    http2: false,
    arguments: (file) => ["-e", "stderr", "-c", file],
    complete: (fragment, listen, folder) => `
      daemon off;
      pid ${folder}/nginx.pid;
      error_log stderr notice;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        ${replace(fragment, "listen 443 ", `listen ${listen} `)}
      }`,
    ready: /start worker process \d/,
  },
  {
    command: "haproxy",
    debian: "haproxy",
    tag: "haproxy",
    forwards: true,
    http2: false,
    arguments: (file) => ["-W", "-db", "-f", file],
    complete: (fragment, listen) => replace(fragment, "bind :443 ", `bind ${listen} `),
    ready: /Loading success/,
  },
  {
    command: "caddy",
    debian: "caddy",
    tag: "caddyfile",
    forwards: true,
    http2: true,
    arguments: (file) => ["run", "--adapter", "caddyfile", "--config", file],
    complete: (fragment, listen, folder) => {
      const [host, port] = listen.split(":")
      return `{
        admin off
        default_bind ${host}
        https_port ${port}
        auto_https disable_redirects
        storage file_system ${folder}/storage
      }
      ${fragment}`
    },
    ready: /serving initial configuration/,
  },
  {
    command: "hitch",
    debian: "hitch",
    tag: "hitch",
    forwards: false,
    http2: false,
    arguments: (file) => ["--log-level=2", `--config=${file}`],
    complete: (fragment, listen) => replace(fragment, '"[*]:443"', `"${listen.replace(/^([^:]+)/, "[$1]")}"`),
    ready: /Listening on/,
  },
]

/** Whether the command is installed. */
export async function isInstalled(command: string): Promise<boolean> {
  for (const folder of PATH.split(delimiter)) {
    const found = await access(join(folder, command), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}

/** Servers are often not in PATH. */
export const PATH = [process.env.PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter)

/** Starts a terminator on `listen` in front of the rws at `rws`. It is stopped when the test ends. */
export async function startTerminator(
  t: Test,
  terminator: Terminator,
  { listen, rws, certificate }: { listen: string; rws: string; certificate: Certificate },
): Promise<void> {
  const folder = await temporaryFolder(t)
  const fragment = withTestPaths(blockOf(terminator.tag), rws, certificate)
  const file = join(folder, "terminator.conf")
  await writeFile(file, terminator.complete(fragment, listen, folder))
  const program = Program.start(t, terminator.command, terminator.arguments(file), {
    cwd: folder,
    env: { PATH, XDG_CONFIG_HOME: folder },
    end: "SIGTERM",
  })
  await program.untilOutput(terminator.ready)
}

function withTestPaths(fragment: string, rws: string, certificate: Certificate): string {
  const [host, port] = rws.split(":")
  return fragment
    .replaceAll("/etc/ssl/private/example.pem", certificate.bothFile)
    .replaceAll("/etc/ssl/certs/example.pem", certificate.certificateFile)
    .replaceAll("/etc/ssl/private/example.key", certificate.keyFile)
    .replaceAll("[127.0.0.1]:8080", `[${host}]:${port}`)
    .replaceAll("127.0.0.1:8080", rws)
}

/** Replaces a text that must occur exactly once. */
function replace(text: string, what: string, by: string): string {
  if (text.split(what).length !== 2) throw new Error(`the README's example has not one ${what}`)
  return text.replace(what, by)
}
