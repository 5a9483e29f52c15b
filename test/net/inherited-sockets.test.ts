import t from "tap"
import { takeInheritedSockets } from "../../lib/net/inherited-sockets.js"

const PID = 4711

const CASES: readonly { title: string; env: Record<string, string>; sockets: unknown[] }[] = [
  { title: "nothing", env: {}, sockets: [] },
  {
    title: "two unnamed",
    env: { LISTEN_PID: "4711", LISTEN_FDS: "2" },
    sockets: [
      [3, ""],
      [4, ""],
    ],
  },
  {
    title: "two named",
    env: { LISTEN_PID: "4711", LISTEN_FDS: "2", LISTEN_FDNAMES: "chat:feed" },
    sockets: [
      [3, "chat"],
      [4, "feed"],
    ],
  },
  {
    title: "more sockets than names",
    env: { LISTEN_PID: "4711", LISTEN_FDS: "2", LISTEN_FDNAMES: "chat" },
    sockets: [
      [3, "chat"],
      [4, ""],
    ],
  },
  { title: "those of another process", env: { LISTEN_PID: "4712", LISTEN_FDS: "1" }, sockets: [] },
  { title: "those of no process", env: { LISTEN_FDS: "1" }, sockets: [] },
  { title: "no number", env: { LISTEN_PID: "4711", LISTEN_FDS: "many" }, sockets: [] },
  { title: "a negative number", env: { LISTEN_PID: "4711", LISTEN_FDS: "-1" }, sockets: [] },
]

for (const { title, env, sockets } of CASES) {
  t.test(`inherited sockets: ${title}; the variables are removed`, async (t) => {
    const given = { ...env, PATH: "/bin" }
    t.same(
      takeInheritedSockets(given, PID).map(({ fd, name }) => [fd, name]),
      sockets,
    )
    t.same(given, { PATH: "/bin" })
  })
}
