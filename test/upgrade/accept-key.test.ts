import t from "tap"
import { acceptKey } from "../../lib/upgrade/accept-key.js"

const cases: { source: string; key: string; accept: string }[] = [
  { source: "RFC 6455 §1.3", key: "dGhlIHNhbXBsZSBub25jZQ==", accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" },
  {
    source: "RFC 6455 §4.1, of the bytes 1 to 16",
    key: "AQIDBAUGBwgJCgsMDQ4PEA==",
    accept: "C/0nmHhBztSRGR1CwL6Tf4ZjwpY=",
  },
]

for (const { source, key, accept } of cases) {
  t.test(`the key of ${source} gives ${accept}`, async (t) => {
    t.equal(acceptKey(key), accept)
  })
}
