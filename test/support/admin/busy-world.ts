/** A proxy with some traffic and some trouble, for screenshots. */
import { backend, endedSession, listener, liveSession, quietWorld, type World } from "./fake-api.js"

const GROWTH_MS = 250

/** Its numbers change until `stop` is called. */
export function busyWorld(): { readonly world: World; readonly stop: () => void } {
  const world: World = {
    ...quietWorld(),
    listeners: [
      listener("public", "0.0.0.0:8080", {
        sessions: 1284,
        maxConnections: 10_000,
        pending: 3,
        maxPending: 500,
        routes: [
          { route: 1, host: ["chat.example.com"], path: "/ws", header: [], query: [], pool: "chat" },
          { route: 2, host: [], path: "/ticker/*", header: [], query: ["symbol"], pool: "ticker" },
        ],
      }),
      listener("internal", "unix:/run/rws/internal.sock", { sessions: 12, draining: true }),
    ],
    pools: [
      {
        name: "chat",
        balance: "least_connections",
        backends: [
          backend("chat-1.internal:9000", { active: 642, share: 0.5, dials: 18_423, maxConnections: 2000 }),
          backend("chat-2.internal:9000", {
            active: 631,
            share: 0.49,
            dials: 18_377,
            failures: 12,
            weight: 2,
          }),
          backend("chat-3.internal:9000", {
            state: "draining",
            reason: "by an operator",
            active: 11,
            share: 0.01,
            dials: 9214,
          }),
          backend("chat-4.internal:9000", {
            state: "down",
            reason: "health check: expected the status 200, got 503",
            since: "2026-01-02T14:03:12Z",
            dials: 310,
            failures: 88,
            backup: true,
          }),
        ],
      },
      {
        name: "ticker",
        balance: "round_robin",
        backends: [
          backend("10.0.0.21:7000", { active: 40, share: 1, dials: 412 }),
          backend("10.0.0.22:7000", {
            state: "ejected",
            reason: "3 failed dials: connection refused",
            since: "2026-01-02T15:10:44Z",
            failures: 3,
            dials: 88,
          }),
        ],
      },
    ],
    sessions: Array.from({ length: 120 }, (_, index) =>
      liveSession(String(index + 1), {
        client: index % 7 === 3 ? `[2001:db8::${index}]:44310` : `192.0.2.${index}:${40_000 + index * 7}`,
        backend: `chat-${(index % 3) + 1}.internal:9000`,
        ageMs: 1.35 ** (index / 2.5) * 800,
        bytesFromClient: (index * 7919) % 50_000,
        bytesFromBackend: 1.2 ** index,
        rateFromClient: (index * 31) % 500,
        rateFromBackend: (index * 517) % 90_000,
        path: index % 5 === 0 ? "/ws/room/a-rather-long-name-of-a-room" : "/ws",
        ...(index % 2 === 0 && { route: "1" }),
        ...(index === 2 && { stage: "handshake" }),
      }),
    ),
    ended: [
      endedSession({ tunnelMs: 1500 }),
      endedSession({ reason: "idle_timeout", tunnelMs: 3_600_000 }),
      endedSession({ reason: "backend_unreachable", status: 502 }),
      endedSession({ reason: "rate_limited", status: 429 }),
      endedSession({
        client: "[2001:db8::17]:51234",
        bytesFromBackend: 81_234_567,
        tunnelMs: 725_000,
        reason: "backend_reset",
      }),
    ],
  }
  let step = 0
  const timer = setInterval(() => {
    step++
    const { status } = world
    const { totals } = status
    const liveTunnels = Math.round(1250 + 180 * Math.sin(step / 25) + (step % 5))
    world.status = {
      ...status,
      uptimeS: 183_925 + Math.floor((step * GROWTH_MS) / 1000),
      reloads: 2,
      workers: 4,
      totals: {
        sessions: totals.sessions + 12,
        tunnels: totals.tunnels + 6 + Math.round(4 * Math.sin(step / 9)),
        live: liveTunnels + 5,
        liveTunnels,
        bytesFromClient: totals.bytesFromClient + 60_000 + 30_000 * Math.sin(step / 7),
        bytesFromBackend: totals.bytesFromBackend + 240_000 + 90_000 * Math.cos(step / 11),
        refusals: {
          rate_limited: Math.round(step / 3),
          bad_origin: Math.round(step / 5),
          bad_upgrade: 14,
          no_backend: 7,
          head_timeout: 3,
          bad_request: 1,
        },
      },
    }
  }, GROWTH_MS)
  return { world, stop: () => clearInterval(timer) }
}
