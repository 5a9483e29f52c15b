/**
 * One socket of ours, to a client or to a backend, with exactly one handler attached at a time: that of the
 * stage the session is in.
 *
 * The socket's listeners are added once and pass each event on to the current handler, so that a stage takes
 * a connection over with one assignment. Between two stages a replay buffer is attached and keeps what
 * arrives.
 */
import { type NetConnectOpts, Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { createReadInto } from "./accepted-reads.js"
import { copyOptionsCheaply } from "./socket-options.js"

export interface Handler {
  /** Bytes have arrived. If the connection `lends` them they are valid during the call only. */
  onBytes(bytes: Buffer): void
  /** The peer has sent FIN; we may still write to it. */
  onEnd(): void
  /** The backlog in our memory has been written out. */
  onDrain(): void
  /** A dialled connection is established; with TLS, the certificate has been verified. */
  onConnect?(): void
  /** The socket is gone, with an error unless both directions had ended. The last call. */
  onClose(error?: Error): void
}

/**
 * The most that is read at once. Measured on Node 20 and 24: 128 KiB cost 20 to 30 % less per megabyte than
 * 64, which is what Node reads by itself; larger reads gain nothing.
 */
export const READ_BYTES = 128 * 1024

/**
 * Every dialled socket reads into this buffer (`onread` of `net.connect`), because what arrives is passed on
 * or copied before the next read. So an idle tunnel holds no read buffer and a busy one allocates none per
 * read.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * The high-water mark of sockets that can't read into `READ_BUFFER`. Node does not stop reading such a socket
 * when it is paused: it reads up to the mark, which counts bytes, and keeps each read as a Buffer of its own,
 * at 200 bytes of heap even for one byte. With a mark of one byte it keeps one read. Flowing reads and writes
 * are not limited by it; "drain" comes after more writes, at no measurable cost.
 */
export const READ_AHEAD_BYTES = 1

/**
 * How much a peer may send between two stages. Beyond it we stop reading and TCP makes the peer wait; an
 * abort is then noticed at the stage's deadline only. (RFC 6455 §4.1 has clients wait for the 101 anyway.)
 */
const MAX_REPLAY_BYTES = 64 * 1024

const NO_BYTES = Buffer.alloc(0)

copyOptionsCheaply()

/** A TLS socket, and the private property in which one of a server keeps the connection under it. */
type ServerSocket = Socket & { readonly encrypted?: boolean; readonly _parent?: unknown }

/** The private property that has the high-water mark for reads. It has no public setter. */
type ReadableSocket = Socket & { readonly _readableState?: { highWaterMark?: number } }

/** Where a socket of ours keeps its connection, so that all of them share the listeners of `Connection`. */
const CONNECTION = Symbol("connection")

type OwnedSocket = Socket & { [CONNECTION]: Connection }

export class Connection {
  /** The peer has sent FIN. */
  ended = false
  /**
   * A message to this peer is only partly written. Close with RST, since a FIN would make it look complete.
   */
  unfinished = false
  /**
   * Called at once when the peer closes, by FIN or with an error, while no handler is attached; see also
   * `close`. The session sets it once, so that whatever it is working on ends with its client.
   */
  onAbort: ((error?: Error) => void) | undefined

  #handler: Handler = new ReplayBuffer(this)
  #error: Error | undefined
  #closed = false
  #bytesBefore = 0
  /** Known of dialled sockets. Asking the system takes 3 µs; Node remembers what it said of accepted ones. */
  #isTcp: boolean | undefined

  /** The listeners of every socket. A closure for each would be nine for each session. */
  static readonly #on = {
    data(this: OwnedSocket, bytes: Buffer): void {
      this[CONNECTION].#handler.onBytes(bytes)
    },
    /** `onread`, which Node calls as a method of the socket. */
    read(this: OwnedSocket, length: number): boolean {
      this[CONNECTION].#handler.onBytes(READ_BUFFER.subarray(0, length))
      return true
    },
    end(this: OwnedSocket): void {
      const connection = this[CONNECTION]
      connection.ended = true
      connection.#handler.onEnd()
    },
    connect(this: OwnedSocket): void {
      this[CONNECTION].#handler.onConnect?.()
    },
    drain(this: OwnedSocket): void {
      this[CONNECTION].#handler.onDrain()
    },
    error(this: OwnedSocket, error: Error): void {
      this[CONNECTION].#error ??= error
    },
    close(this: OwnedSocket): void {
      const connection = this[CONNECTION]
      connection.#closed = true
      connection.#handler.onClose(connection.#error)
    },
  }

  static readonly #ONREAD = { buffer: READ_BUFFER, callback: Connection.#on.read }
  static readonly #DIALLED = { allowHalfOpen: true, noDelay: true, onread: Connection.#ONREAD }
  static readonly #readInto = createReadInto(Connection.#ONREAD)

  private constructor(
    readonly socket: Socket,
    /** The handler must copy bytes that it keeps. */
    readonly lends: boolean,
    /** The TCP connection under a TLS socket. */
    private readonly raw?: Socket,
    /** It was accepted by a server of the program that rws is a part of. */
    readonly isAdopted = false,
  ) {
    ;(socket as OwnedSocket)[CONNECTION] = this
    const on = Connection.#on
    socket.on("end", on.end)
    socket.on("drain", on.drain)
    socket.on("error", on.error)
    socket.on("close", on.close)
  }

  /** Wraps a socket that a server has accepted. */
  static accepted(socket: Socket): Connection {
    const lends = Connection.#readInto(socket)
    if (!lends) socket.on("data", Connection.#on.data)
    return new Connection(socket, lends)
  }

  /** Whether it has been accepted or adopted already: then it has an owner. */
  static has(socket: Socket): boolean {
    return CONNECTION in socket
  }

  /**
   * Takes over a socket that another server has accepted, and from which it has read.
   * @param unread what it has read, and what comes before the bytes that still arrive
   */
  static adopted(socket: Socket, unread: Buffer): Connection {
    const { encrypted: isTls = false, _parent: raw } = socket as ServerSocket
    // That server's idle timeout. The session has deadlines of its own.
    socket.setTimeout(0)
    socket.setNoDelay(true)
    // Read by Node when the peer's FIN comes; sockets of an https server don't have it.
    socket.allowHalfOpen = true
    const lends = !isTls && socket.listenerCount("data") === 0 && Connection.#readInto(socket)
    const connection = new Connection(socket, lends, isTls && raw instanceof Socket ? raw : undefined, true)
    connection.ended = socket.readableEnded
    connection.#closed = socket.closed
    connection.#error = socket.errored ?? undefined
    // Bytes that have arrived since, if the program has not passed the socket on at once.
    const waiting: Buffer | null = lends ? socket.read() : null
    connection.#handler = new ReplayBuffer(
      connection,
      waiting === null ? unread : Buffer.concat([unread, waiting]),
    )
    if (!lends) readAheadLess(socket)
    if (isTls) {
      if (connection.raw === undefined) connection.#isTcp = false
      socket.on("error", (error) => connection.reset(error))
    }
    if (!lends) socket.on("data", Connection.#on.data)
    // A server pauses it while many responses are pending.
    socket.resume()
    return connection
  }

  /** Begins to connect, without Nagle's delay. */
  static dialled(to: NetConnectOpts): Connection {
    const socket = new Socket(Connection.#DIALLED)
    const connection = new Connection(socket, true)
    connection.#isTcp = "port" in to
    socket.on("connect", Connection.#on.connect)
    socket.connect(to)
    return connection
  }

  /**
   * Begins TLS on a dialled connection, which must have no handler any more.
   *
   * A TLS socket counts the bytes inside TLS in `bytesRead` and `bytesWritten`, and stays half-open as the
   * one under it does: `end` sends close_notify and FIN, and we can still read. It emits "end" for the peer's
   * close_notify, its FIN, or both: here Node does not tell a truncated stream from a complete one.
   */
  static secured(dialled: Connection, options: ConnectionOptions): Connection {
    // Loaded lazily: without TLS backends it would only cost time and memory.
    const { connect } = process.getBuiltinModule("node:tls")
    const { socket: raw } = dialled
    const own = { socket: raw, highWaterMark: READ_AHEAD_BYTES }
    const connection = new Connection(connect({ ...options, ...own }), false, raw)
    connection.#isTcp = dialled.#isTcp
    connection.socket.on("data", Connection.#on.data)
    connection.socket.on("secureConnect", Connection.#on.connect)
    // At an alert or a broken record Node leaves the socket open, with writes that never end.
    connection.socket.on("error", (error) => connection.reset(error))
    return connection
  }

  /** Makes `handler` the current one and replays to it what has arrived since the last one was detached. */
  attach(handler: Handler): void {
    const last = this.#handler
    this.#handler = handler
    if (last instanceof ReplayBuffer) last.replayTo(handler)
    if (this.ended && this.#handler === handler) handler.onEnd()
    if (this.#closed && this.#handler === handler) handler.onClose(this.#error)
  }

  /** Detaches the handler, if there is one. What arrives is kept for the next one, behind `unread`. */
  detach(unread: Buffer = NO_BYTES): void {
    if (this.#handler instanceof ReplayBuffer) return
    this.#bytesBefore = this.socket.bytesRead - unread.length
    this.#handler = new ReplayBuffer(this, unread)
  }

  /** Bytes received for the current handler, including what will be replayed to it. */
  get stageBytes(): number {
    return this.socket.bytesRead - this.#bytesBefore
  }

  /** The peer speaks TLS with us, or with the server that has accepted it. */
  get isTls(): boolean {
    return (this.socket as ServerSocket).encrypted === true
  }

  /** The peer has closed: it has sent FIN or is gone. */
  get hasAborted(): boolean {
    return this.ended || this.#isGone
  }

  get #isGone(): boolean {
    return this.socket.destroyed || this.raw?.destroyed === true
  }

  /** Sends FIN behind what has been written. The other direction keeps flowing, if it has not ended. */
  end(): void {
    const { socket, ended, raw } = this
    // With both directions done, closing sends the same FIN with a system call and a tick less, but no
    // close_notify.
    if (ended && socket.writableLength === 0 && raw === undefined) socket.destroy()
    else socket.end()
  }

  /**
   * Closes the connection on rws's own decision: with FIN if everything for this peer has been written, else
   * with a reset, so that a truncated stream never looks complete. The handler gets `error`; if the socket is
   * gone already, `onAbort` does, so that closing the client always reaches what is left of its session.
   */
  close(error: Error): void {
    if (this.#isGone) this.onAbort?.(error)
    else if (this.unfinished || this.socket.writableLength > 0) this.reset(error)
    else {
      // With nothing before it close_notify goes out within the call: destroying alone would send a bare FIN.
      if (this.raw !== undefined) this.socket.end()
      this.socket.destroy(error)
    }
  }

  /** Resets the connection. Unix sockets have no reset: their peer sees an end. The handler gets `error`. */
  reset(error: Error): void {
    const { socket, raw } = this
    this.#error ??= error
    if (this.#isGone) return
    // libuv can't reset a socket while its FIN is being sent, nor one that is not a TCP connection (yet).
    const sendingFin = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished
    const isTcp = this.#isTcp ?? socket.remoteFamily !== undefined
    if (sendingFin || socket.connecting || !isTcp) socket.destroy(error)
    // A TLS socket has no reset of its own (ERR_INVALID_HANDLE_TYPE). It is gone once the one under it is;
    // destroying it before that, within its own "secureConnect", crashes Node 20.
    else (raw ?? socket).resetAndDestroy()
  }
}

/** See `READ_AHEAD_BYTES`. */
function readAheadLess(socket: ReadableSocket): void {
  const { _readableState: state } = socket
  if (typeof state?.highWaterMark === "number") state.highWaterMark = READ_AHEAD_BYTES
}

/** Buffers bytes that arrive between two stages and replays them to the next one. */
class ReplayBuffer implements Handler {
  #bytes: Buffer

  constructor(
    private readonly connection: Connection,
    bytes: Buffer = NO_BYTES,
  ) {
    this.#bytes = bytes
  }

  replayTo(handler: Handler): void {
    if (this.#bytes.length >= MAX_REPLAY_BYTES) this.connection.socket.resume()
    if (this.#bytes.length > 0) handler.onBytes(this.#bytes)
  }

  onBytes(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length >= MAX_REPLAY_BYTES) this.connection.socket.pause()
  }

  onEnd(): void {
    this.connection.onAbort?.()
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.connection.onAbort?.(error)
  }
}
