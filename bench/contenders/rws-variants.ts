/**
 * rws with settings that cost something at each handshake or message. Each name is the argument of
 * `contenders/rws.js`.
 */
import type { Config, ListenerConfig } from "../../lib/index.js"

export const VARIANTS = [
  "plain",
  "routed",
  "sticky",
  "hash",
  "wss",
  "close-frames",
  "metrics",
  "jwt",
  "forward-auth",
  "registry-file",
  "registry-redis",
  "registry-http",
] as const
export type Variant = (typeof VARIANTS)[number]

/** Routes that don't match in front of the one that does. */
const OTHER_ROUTES = 20

/** The keys of `[admin]`. Its server is there, and nobody asks it. */
export function adminOf(variant: Variant): Config["admin"] {
  return variant === "metrics" ? { bind: "127.0.0.1:0" } : {}
}

/** The store of the registry that a variant asks; undefined: it asks none. */
export function storeOf(variant: Variant): "file" | "redis" | "http" | undefined {
  switch (variant) {
    case "registry-file":
      return "file"
    case "registry-redis":
      return "redis"
    case "registry-http":
      return "http"
    default:
      return undefined
  }
}

/** What the settings need to name. */
export interface Surroundings {
  /** `HOST:PORT`. */
  readonly backend: string
  /** The PEM file of the backend's certificate, for "wss". */
  readonly ca: string
  /** The file with the secret of the clients' tokens, for "jwt". */
  readonly secretFile: string
  /** The URL of a service that lets everybody in, for "forward-auth". */
  readonly authUrl: string
}

export function settingsOf(
  variant: Variant,
  { backend, ca, secretFile, authUrl }: Surroundings,
): Partial<ListenerConfig> {
  // Two names of the same backend, so that there is a choice.
  const backends = [backend, `ws://${backend}`]
  switch (variant) {
    case "plain":
    case "metrics":
      return { backends: [backend] }
    case "close-frames":
      return { backends: [backend], close_frames: true }
    case "routed": {
      const others = Array.from({ length: OTHER_ROUTES }, (_, index) => ({
        host: `tenant-${index}.example.com`,
        path: `/tenant/${index}`,
        backends: [backend],
      }))
      return { route: [...others, { host: "*.example.com", path: "/", backends: [backend] }] }
    }
    case "sticky":
      return { backends, sticky_cookie: "backend" }
    case "hash":
      return { backends, balance: "hash", hash_key: "cookie:session" }
    case "jwt": {
      const claims_to_headers = { sub: "X-User" }
      return {
        backends: [backend],
        jwt: { secret_file: secretFile, from: ["cookie:session"], claims_to_headers },
      }
    }
    case "forward-auth": {
      const cache = { ttl_ms: 3_600_000 }
      return { backends: [backend], forward_auth: { url: authUrl, copy_headers: ["X-User"], cache } }
    }
    case "registry-file":
    case "registry-redis":
    case "registry-http":
      return { registry: "endpoints", registry_key: "host:1" }
    case "wss":
      return { backends: [`wss://${backend}`], tls: { ca } }
  }
}
