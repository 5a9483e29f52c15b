/** Starts rws as a service manager does that passes it sockets. */
import type { Test } from "tap"
import type { HeldSocket } from "./held-socket.js"
import { Program, RWS } from "./program.js"

/** The process id is known only once there is a process. */
const WITH_PID = 'export LISTEN_PID=$$; exec "$0" "$@"'

/** @param names one for each socket, as LISTEN_FDNAMES has them */
export function startActivated(
  t: Test,
  sockets: readonly Pick<HeldSocket, "fd">[],
  args: readonly string[],
  names = sockets.map(() => "rws.socket"),
): Program {
  return Program.start(t, "sh", ["-c", WITH_PID, process.execPath, RWS, ...args], {
    env: { LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names.join(":") },
    inherit: sockets.map(({ fd }) => fd),
  })
}
