import { randomBytes } from "node:crypto"
import t from "tap"
import { FrameCursor } from "../../lib/upgrade/frame-cursor.js"
import { CLOSE, type FrameParts, frame } from "../support/peers/frames.js"
import { between, oneOf, type Random, seededRandom } from "../support/project/random.js"

const headers: readonly { title: string; parts: FrameParts; bytes: number }[] = [
  { title: "an empty frame", parts: {}, bytes: 2 },
  { title: "an empty masked frame", parts: { masked: true }, bytes: 6 },
  { title: "the longest 7-bit length", parts: { payload: Buffer.alloc(125) }, bytes: 127 },
  { title: "the shortest 16-bit length", parts: { payload: Buffer.alloc(126) }, bytes: 130 },
  { title: "the longest 16-bit length", parts: { payload: Buffer.alloc(65535), masked: true }, bytes: 65543 },
  { title: "the shortest 64-bit length", parts: { payload: Buffer.alloc(65536) }, bytes: 65546 },
  { title: "a 64-bit length of 0, masked", parts: { lengthBits: 64, masked: true }, bytes: 14 },
  { title: "a 16-bit length of 1", parts: { lengthBits: 16, payload: Buffer.alloc(1) }, bytes: 5 },
  { title: "a payload of 0xff only", parts: { payload: Buffer.alloc(20, 0xff), masked: true }, bytes: 26 },
  { title: "a fragment", parts: { fin: false, payload: Buffer.alloc(3) }, bytes: 5 },
]

for (const { title, parts, bytes } of headers) {
  t.test(`a frame ends where it ends: ${title}`, async (t) => {
    const one = frame(parts)
    t.equal(one.length, bytes)
    const cursor = new FrameCursor()
    t.equal(cursor.isBetweenFrames, true, "nothing has come yet")
    t.equal(cursor.step(Buffer.concat([one, one]), 0), one.length)
    t.equal(cursor.isBetweenFrames, true)
    for (let at = 0; at < Math.min(one.length - 1, 20); at++) {
      cursor.run(one.subarray(at, at + 1))
      t.equal(cursor.isBetweenFrames, false, `after byte ${at}`)
    }
    cursor.run(one, Math.min(one.length - 1, 20))
    t.equal(cursor.isBetweenFrames, true)
    t.equal(cursor.hasClosed, false)
  })
}

t.test("a Close frame has gone by once it is whole, and for ever", async (t) => {
  const cursor = new FrameCursor()
  const close = frame({ opcode: CLOSE, payload: Buffer.from([3, 232]), masked: true })
  cursor.run(frame())
  for (const byte of close) {
    t.equal(cursor.hasClosed, false)
    cursor.run(Buffer.from([byte]))
  }
  t.equal(cursor.hasClosed, true)
  cursor.run(frame())
  t.equal(cursor.hasClosed, true)
})

t.test("a payload that looks like a Close frame is none", async (t) => {
  const cursor = new FrameCursor()
  cursor.run(frame({ payload: frame({ opcode: CLOSE }) }))
  t.equal(cursor.hasClosed, false)
  t.equal(cursor.isBetweenFrames, true)
})

for (const length of ["8000000000000000", "ffffffffffffffff", "0020000000000001"]) {
  t.test(`a frame of 0x${length} bytes never ends`, async (t) => {
    const cursor = new FrameCursor()
    cursor.run(Buffer.from(`82ff${length}`, "hex"))
    for (let i = 0; i < 10; i++) {
      const bytes = Buffer.alloc(1 << 20)
      t.equal(cursor.step(bytes, 0), bytes.length)
      t.equal(cursor.isBetweenFrames, false)
    }
  })
}

function randomFrame(random: Random): Buffer {
  const length = oneOf(random, [0, 1, 125, 126, 127, 65535, 65536, between(random, 0, 2000)])
  const shortest = length < 126 ? 7 : length < 65536 ? 16 : 64
  const lengthBits = random() < 0.1 ? 64 : shortest
  const [masked, fin] = [random() < 0.5, random() < 0.8]
  return frame({
    opcode: between(random, 0, 15) & ~CLOSE,
    payload: randomBytes(length),
    masked,
    fin,
    lengthBits,
  })
}

for (let seed = 1; seed <= 20; seed++) {
  t.test(`the ends of random frames are found, however the stream is cut (seed ${seed})`, async (t) => {
    const random = seededRandom(seed)
    const frames = Array.from({ length: between(random, 1, 60) }, () => randomFrame(random))
    const stream = Buffer.concat(frames)
    const ends = new Set([0])
    let end = 0
    for (const { length } of frames) {
      end += length
      ends.add(end)
    }

    const cursor = new FrameCursor()
    const found = new Set([0])
    const wrong: number[] = []
    for (let at = 0; at < stream.length; ) {
      const piece = stream.subarray(at, at + oneOf(random, [1, 2, 3, 7, 100, 5000, 65536]))
      for (let here = 0; here < piece.length; ) {
        here = cursor.step(piece, here)
        if (cursor.isBetweenFrames) found.add(at + here)
        else if (here < piece.length) wrong.push(at + here)
      }
      at += piece.length
    }
    t.same([...found], [...ends])
    t.same(wrong, [], "a step ends within a frame only where the bytes end")
    t.equal(cursor.hasClosed, false)
  })
}
