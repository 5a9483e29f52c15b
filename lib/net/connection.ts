/**
 * One of the two peers of a session: a socket that has exactly one owner at any time, the stage its session is in.
 *
 * Listeners are attached to the socket once and pass each event on to the owner of the moment, so that a stage takes a
 * peer over with one assignment. Between two stages a `Rest` owns it: what comes in meanwhile waits there.
 */
import { connect, type NetConnectOpts, type Socket } from "node:net"
import type { ConnectionOptions } from "node:tls"

export interface Owner {
  /** Bytes have arrived. Where the peer `lends` them they are valid during the call only. */
  onBytes(bytes: Buffer): void
  /** The peer has sent FIN; we may still write to it. */
  onEnd(): void
  /** What had piled up in our memory has been written out. */
  onDrain(): void
  /** The socket is gone, with an error unless both directions had ended. Nothing comes after this. */
  onClose(error?: Error): void
}

/**
 * Every dialled socket reads into this buffer (`onread` of `net.connect`), because what arrives is passed on or copied
 * before the next read. So an idle tunnel holds no read buffer and a busy one allocates none per read.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * The high-water mark of sockets that can't read into `READ_BUFFER`. Node does not stop reading such a socket when it is
 * paused: it goes on up to the mark, which counts bytes, and keeps each read as a Buffer of its own, at 200 bytes of heap
 * even for one byte. With a mark of one byte it keeps one read. Flowing reads and writes are not limited by it; "drain"
 * comes after more writes, at no cost that can be measured.
 */
export const READ_AHEAD_BYTES = 1

/**
 * Bytes that a peer may send before anybody wants them. After that we stop reading, and TCP makes it wait; that it leaves
 * is then noticed no sooner than at the stage's deadline. (RFC 6455 §4.1 has clients wait for the 101 anyway.)
 */
const MAX_REST_BYTES = 64 * 1024

const NO_BYTES = Buffer.alloc(0)

export class Peer {
  /** Whether the peer has sent FIN. */
  ended = false
  /** Whether it has been given the beginning of something of which the end is to come: a FIN now would pass for the end. */
  unfinished = false
  /** Called at once when the peer leaves, by FIN or with an error, while no stage reads from it; see also `close`. */
  onLeave: ((error?: Error) => void) | undefined

  #owner: Owner = new Rest(this)
  #error: Error | undefined
  #closed = false
  #bytesBefore = 0

  private constructor(
    readonly socket: Socket,
    /** Whether the bytes that owners get are only lent. */
    readonly lends: boolean,
    /** The TCP connection under a TLS socket. */
    private readonly raw?: Socket,
  ) {
    socket.on("end", () => {
      this.ended = true
      this.#owner.onEnd()
    })
    socket.on("drain", () => this.#owner.onDrain())
    socket.on("error", (error) => {
      this.#error ??= error
    })
    socket.on("close", () => {
      this.#closed = true
      this.#owner.onClose(this.#error)
    })
  }

  /** Wraps a socket that a server has accepted. */
  static accepted(socket: Socket): Peer {
    const peer = new Peer(socket, false)
    socket.on("data", (bytes: Buffer) => peer.#owner.onBytes(bytes))
    return peer
  }

  /** Begins to connect; the socket says "connect" once it has. */
  static dialled(options: NetConnectOpts): Peer {
    const callback = (length: number) => {
      peer.#owner.onBytes(READ_BUFFER.subarray(0, length))
      return true
    }
    const peer = new Peer(connect({ ...options, onread: { buffer: READ_BUFFER, callback } }), true)
    return peer
  }

  /**
   * Begins TLS on the connection of a dialled peer, to which nobody may listen any more; the socket says "secureConnect" once
   * the handshake is done and the certificate has been found good.
   *
   * A TLS socket counts what is inside TLS in `bytesRead` and `bytesWritten`, and stays half-open as the one under it
   * does: `end` sends close_notify and FIN, and we can still read. That the other side sends either of them, or both, is
   * an "end": Node tells no cut from an end here.
   */
  static secured(dialled: Peer, options: ConnectionOptions): Peer {
    // Most have no TLS backends: they are spared the time and the memory that loading it takes.
    const { connect } = process.getBuiltinModule("node:tls")
    const { socket: raw } = dialled
    const own = { socket: raw, highWaterMark: READ_AHEAD_BYTES }
    const peer = new Peer(connect({ ...options, ...own }), false, raw)
    peer.socket.on("data", (bytes: Buffer) => peer.#owner.onBytes(bytes))
    // At an alert or a broken record Node leaves the socket open, with writes that never end.
    peer.socket.on("error", (error) => peer.reset(error))
    return peer
  }

  /** Makes `owner` the owner and hands it what has come in since the last stage ended. */
  own(owner: Owner): void {
    const last = this.#owner
    this.#owner = owner
    if (last instanceof Rest) last.handOver(owner)
    if (this.ended && this.#owner === owner) owner.onEnd()
    if (this.#closed && this.#owner === owner) owner.onClose(this.#error)
  }

  /**
   * Ends the stage that owns the peer, if one does. What comes now is kept for the next one, behind `bytes` that were
   * read past this stage's end.
   */
  release(bytes: Buffer = NO_BYTES): void {
    if (this.#owner instanceof Rest) return
    this.#bytesBefore = this.socket.bytesRead - bytes.length
    this.#owner = new Rest(this, bytes)
  }

  /** How many bytes the present stage has got or can still get from what has come in. */
  get stageBytes(): number {
    return this.socket.bytesRead - this.#bytesBefore
  }

  /** Whether the peer is gone or has said that it will send nothing more. */
  get left(): boolean {
    return this.ended || this.#isGone
  }

  get #isGone(): boolean {
    return this.socket.destroyed || this.raw?.destroyed === true
  }

  /** Sends FIN behind what has been written. The other direction goes on flowing, if it has not ended. */
  end(): void {
    const { socket, ended, raw } = this
    // With both directions done, closing sends the same FIN with a system call and a tick less, but no close_notify.
    if (ended && socket.writableLength === 0 && raw === undefined) socket.destroy()
    else socket.end()
  }

  /**
   * Closes the connection because rws wants to: with FIN if everything we took for this peer has been handed on, else
   * with a reset, so that it can't mistake a cut stream for a whole one. The owner gets `error`; if the peer is gone
   * already, `onLeave` does, so that closing the client always reaches what is left of its session.
   */
  close(error: Error): void {
    if (this.#isGone) this.onLeave?.(error)
    else if (this.unfinished || this.socket.writableLength > 0) this.reset(error)
    else {
      // With nothing before it close_notify goes out within the call: destroying alone would send a bare FIN.
      if (this.raw !== undefined) this.socket.end()
      this.socket.destroy(error)
    }
  }

  /** Resets the connection. Unix sockets know no reset: their peer sees an end. The owner gets `error`. */
  reset(error: Error): void {
    const { socket, raw } = this
    this.#error ??= error
    if (this.#isGone) return
    // libuv can't reset a socket while its FIN is being sent, nor one that is no TCP connection (yet).
    const sendingFin = socket.writableEnded && socket.writableLength === 0 && !socket.writableFinished
    if (sendingFin || socket.connecting || socket.remoteFamily === undefined) socket.destroy(error)
    // A TLS socket knows no reset of its own (ERR_INVALID_HANDLE_TYPE). It is gone once the one under it is; to destroy it
    // before that, within its own "secureConnect", makes Node 20 crash.
    else (raw ?? socket).resetAndDestroy()
  }
}

/** What comes in while no stage reads. It is the next stage's. */
class Rest implements Owner {
  #bytes: Buffer

  constructor(
    private readonly peer: Peer,
    bytes: Buffer = NO_BYTES,
  ) {
    this.#bytes = bytes
  }

  handOver(owner: Owner): void {
    if (this.#bytes.length >= MAX_REST_BYTES) this.peer.socket.resume()
    if (this.#bytes.length > 0) owner.onBytes(this.#bytes)
  }

  onBytes(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#bytes.length >= MAX_REST_BYTES) this.peer.socket.pause()
  }

  onEnd(): void {
    this.peer.onLeave?.()
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.peer.onLeave?.(error)
  }
}
