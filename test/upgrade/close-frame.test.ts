import t from "tap"
import { closeFrame, isCloseCode, maskedCloseFrame } from "../../lib/upgrade/close-frame.js"
import { codeOfClose } from "../support/peers/frames.js"

for (const code of [1000, 1001, 1012, 3000, 4999]) {
  t.test(`a Close frame of a server with ${code} is four bytes`, async (t) => {
    t.same(closeFrame(code), Buffer.from([0x88, 2, code >> 8, code & 255]))
  })

  t.test(`a Close frame of a client with ${code} is masked, each time with another key`, async (t) => {
    const [one, other] = [maskedCloseFrame(code), maskedCloseFrame(code)]
    t.same(one.subarray(0, 2), Buffer.from([0x88, 0x82]))
    t.equal(one.length, 8)
    t.equal(codeOfClose(one), code)
    t.notSame(one, other)
  })
}

const CODES: readonly [number, boolean][] = [
  [999, false],
  [1000, true],
  [1003, true],
  [1004, false],
  [1005, false],
  [1006, false],
  [1007, true],
  [1014, true],
  [1015, false],
  [1016, false],
  [2999, false],
  [3000, true],
  [4999, true],
  [5000, false],
]

for (const [code, allowed] of CODES) {
  t.test(`${code} ${allowed ? "may" : "must not"} be sent`, async (t) => {
    t.equal(isCloseCode(code), allowed)
  })
}
