/** Requests and responses of the admin server, in and out of Node's HTTP. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { AdminError, type AdminResponse } from "./route.js"

const MAX_BODY_BYTES = 64 * 1024

export function urlOf({ url = "/" }: IncomingMessage): URL {
  // "//host" would be read as another authority.
  if (!url.startsWith("/") || !URL.canParse(`http://admin${url}`)) throw new AdminError(400, "bad target")
  return new URL(`http://admin${url}`)
}

/** The parsed JSON; undefined if there is none. Another page can't send this type without being asked. */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return undefined
  if (!/^application\/json *(;|$)/i.test(request.headers["content-type"] ?? "")) {
    throw new AdminError(415, "expected Content-Type: application/json")
  }
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw new AdminError(400, `the body is not JSON: ${(error as Error).message}`)
  }
}

/** Not by `for await`, which would destroy the socket before the refusal is sent. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    request.on("data", (part: Buffer) => {
      length += part.length
      if (length <= MAX_BODY_BYTES) parts.push(part)
      else {
        request.pause()
        reject(new AdminError(413, `the body exceeds ${MAX_BODY_BYTES} bytes`))
      }
    })
    request.on("end", () => resolve(Buffer.concat(parts)))
    request.on("close", () => reject(new AdminError(400, "the body is incomplete")))
  })
}

export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type = "application/json; charset=utf-8", body = "", stream, headers }: AdminResponse,
): Promise<void> {
  response.writeHead(status, {
    "Content-Type": type,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    ...(status === 401 && { "WWW-Authenticate": 'Bearer realm="rws"' }),
    // Too many requests, or a thread that is being replaced.
    ...(status === 503 && { "Retry-After": "1" }),
    // What is left of a refused body is not read.
    ...(!request.complete && { Connection: "close" }),
    ...(stream === undefined && { "Content-Length": Buffer.byteLength(body) }),
    ...headers,
  })
  if (stream === undefined || request.method === "HEAD") {
    response.end(body)
    return
  }
  for await (const part of stream) {
    if (!response.write(part)) await drained(response)
    if (response.destroyed) return
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle)
      response.off("close", settle)
      resolve()
    }
    response.on("drain", settle)
    response.on("close", settle)
    if (response.destroyed) settle()
  })
}
