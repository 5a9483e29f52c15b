import t from "tap"
import { crc32c } from "../../lib/forwarding/crc32c.js"

/** The examples of RFC 3720 §B.4, which lists checksum bytes in reverse order, and the usual check value. */
const cases: { title: string; bytes: Buffer; checksum: number }[] = [
  { title: "nothing", bytes: Buffer.alloc(0), checksum: 0 },
  { title: "123456789", bytes: Buffer.from("123456789"), checksum: 0xe3069283 },
  { title: "32 zeros", bytes: Buffer.alloc(32), checksum: 0x8a9136aa },
  { title: "32 ones", bytes: Buffer.alloc(32, 0xff), checksum: 0x62a8ab43 },
  { title: "0 to 31", bytes: Buffer.from(Array.from({ length: 32 }, (_, n) => n)), checksum: 0x46dd794e },
  {
    title: "31 to 0",
    bytes: Buffer.from(Array.from({ length: 32 }, (_, n) => 31 - n)),
    checksum: 0x113fdb5c,
  },
]

for (const { title, bytes, checksum } of cases) {
  t.test(`the CRC32C of ${title} is 0x${checksum.toString(16)}`, async (t) => {
    t.equal(crc32c(bytes), checksum)
  })
}
