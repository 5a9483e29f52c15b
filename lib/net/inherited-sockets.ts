/**
 * Listening sockets that the process has inherited from its service manager: socket activation as in
 * sd_listen_fds(3). They stay open in the manager while rws restarts, so no client is refused meanwhile.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { createServer } from "node:net"
import { type Address, formatAddress } from "../address/address.js"
import { canonicalIp } from "../address/ip.js"
import { ACCEPTED, BindError, type ListeningServer } from "./listener.js"

/** A descriptor that was passed to this process. */
export interface InheritedSocket {
  readonly fd: number
  /** From LISTEN_FDNAMES: `FileDescriptorName=` of the socket unit, by default the unit's own name. */
  readonly name: string
}

/** A listener that may use an inherited socket. */
interface Claimant {
  readonly name: string
  readonly bind: Address
}

/** Passed descriptors begin behind standard error (SD_LISTEN_FDS_START). */
const FIRST_FD = 3

/**
 * For listen(2), which is called again on a socket that listens already. Clients queue in the socket's
 * backlog during a restart, so Node's default of 511 must not shorten it. The kernel caps it at
 * net.core.somaxconn.
 */
const BACKLOG = 65_535

/**
 * Reads which sockets were passed to the process with this id, and removes the variables, so that no child
 * takes them for its own. Variables meant for another process, such as our parent, count for nothing.
 */
export function takeInheritedSockets(env: NodeJS.ProcessEnv, pid: number): InheritedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = env
  delete env.LISTEN_PID
  delete env.LISTEN_FDS
  delete env.LISTEN_FDNAMES
  const count = Number(LISTEN_FDS)
  if (Number(LISTEN_PID) !== pid || !Number.isInteger(count) || count < 0) return []
  const names = LISTEN_FDNAMES.split(":")
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FD + index, name: names[index] ?? "" }))
}

/**
 * Gives each socket to the listener that binds its address, else to the one with its name. Returns a server
 * for each listener, in their order; undefined = it has to bind its address itself. The servers listen
 * already, so pass them to `Listener.listen` in the same turn of the event loop.
 * @throws {BindError} for a descriptor that isn't a listening socket or that no listener wants: its clients
 * would connect and never be served
 */
export function assignSockets(
  sockets: readonly InheritedSocket[],
  listeners: readonly Claimant[],
): (ListeningServer | undefined)[] {
  const free = new Set(sockets.map(open))
  const take = (isIt: (socket: OpenSocket) => boolean) => {
    const found = [...free].find(isIt)
    if (found !== undefined) free.delete(found)
    return found
  }
  const byAddress = listeners.map(({ bind }) =>
    take(({ address }) => address !== undefined && isSame(address, bind)),
  )
  const servers = listeners.map(
    ({ name }, index) => byAddress[index] ?? take((socket) => socket.name === name),
  )
  if (free.size === 0) return servers
  const message = [...free].map(describeUnused).join("\n")
  for (const socket of [...servers, ...free]) socket?.server.close()
  throw new BindError(message)
}

interface OpenSocket extends InheritedSocket, ListeningServer {}

function open(socket: InheritedSocket): OpenSocket {
  const server = createServer(ACCEPTED)
  // What isn't a socket is reported by `listening`, at once, and by an event that comes too late for us.
  server.on("error", ignore)
  server.listen({ fd: socket.fd, backlog: BACKLOG })
  const bound = server.address()
  const address: Address | undefined =
    bound !== null && typeof bound === "object"
      ? { kind: "tcp", host: bound.address, port: bound.port }
      : unixAddressOf(socket.fd)
  return { ...socket, server, address }
}

function ignore(): void {}

/** Node doesn't tell the path of a Unix socket that it hasn't bound itself; Linux does. */
function unixAddressOf(fd: number): Address | undefined {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? []
    // Num RefCount Protocol Flags Type St Inode Path: proc(5)
    for (const line of readFileSync("/proc/self/net/unix", "utf8").split("\n")) {
      const [, ofLine, path = ""] = /^(?:\S+ +){6}(\d+) (\/.*)$/.exec(line) ?? []
      if (ofLine !== undefined && ofLine === inode) return { kind: "unix", path }
    }
  } catch {
    // Not Linux, or no /proc: only the name remains.
  }
  return undefined
}

function isSame(one: Address, other: Address): boolean {
  if (one.kind === "unix" || other.kind === "unix") {
    return one.kind === "unix" && other.kind === "unix" && one.path === other.path
  }
  return one.port === other.port && canonicalIp(one.host) === canonicalIp(other.host)
}

function describeUnused({ fd, name, server, address }: OpenSocket): string {
  const title = `inherited descriptor ${fd}${name && ` ("${name}")`}`
  if (!server.listening) return `${title} is not a listening TCP or Unix socket`
  const bound = address === undefined ? "" : `, bound to ${formatAddress(address)},`
  const advice = address === undefined ? "" : `set bind = "${formatAddress(address)}", or `
  return (
    `${title}${bound} belongs to no listener: ${advice}set FileDescriptorName= in the socket unit ` +
    "to the name of a listener"
  )
}
