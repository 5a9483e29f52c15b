import t from "tap"
import { IpRanges } from "../../lib/address/ip-ranges.js"

const CASES: readonly (readonly [range: string, ip: string, isIn: boolean])[] = [
  ["10.0.0.0/8", "10.0.0.0", true],
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.0.0.0/8", "9.255.255.255", false],
  ["10.1.2.3/8", "10.9.9.9", true],
  ["192.168.1.128/25", "192.168.1.127", false],
  ["192.168.1.128/25", "192.168.1.128", true],
  ["192.168.1.7", "192.168.1.7", true],
  ["192.168.1.7/32", "192.168.1.6", false],
  ["0.0.0.0/0", "255.255.255.255", true],
  ["0.0.0.0/1", "127.255.255.255", true],
  ["0.0.0.0/1", "128.0.0.0", false],
  ["255.255.255.254/31", "255.255.255.255", true],
  ["0.0.0.0/0", "::1", false],
  ["::/0", "127.0.0.1", false],
  ["::ffff:10.0.0.0/104", "10.1.1.1", true],
  ["::ffff:10.0.0.0/104", "11.1.1.1", false],
  ["fd00::/8", "fdff::1", true],
  ["fd00::/8", "fe00::1", false],
]

for (const [range, ip, isIn] of CASES) {
  t.test(`${ip} is ${isIn ? "" : "not "}in ${range}`, async (t) => {
    t.equal(new IpRanges([range]).has(ip), isIn)
    t.equal(new IpRanges(["203.0.113.0/24", range]).has(ip), isIn)
    t.equal(new IpRanges([]).has(ip), false)
  })
}
