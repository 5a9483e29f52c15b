import t from "tap"
import { makeTraceparent, readTraceparent, traceIdOf } from "../../lib/forwarding/traceparent.js"

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
const PARENT = "00f067aa0ba902b7"
const VALID = `00-${TRACE}-${PARENT}-01`

const CASES: { what: string; values: readonly string[]; read: string | undefined }[] = [
  { what: "a sampled one", values: [VALID], read: VALID },
  { what: "one that is not sampled", values: [`00-${TRACE}-${PARENT}-00`], read: `00-${TRACE}-${PARENT}-00` },
  { what: "flags of a later level", values: [`00-${TRACE}-${PARENT}-03`], read: `00-${TRACE}-${PARENT}-03` },
  { what: "a later version", values: [`cc-${TRACE}-${PARENT}-01`], read: VALID },
  { what: "a later version with more", values: [`cc-${TRACE}-${PARENT}-09-more`], read: VALID },
  {
    what: "a later version, not sampled",
    values: [`01-${TRACE}-${PARENT}-fe`],
    read: `00-${TRACE}-${PARENT}-00`,
  },
  { what: "none", values: [], read: undefined },
  { what: "two", values: [VALID, VALID], read: undefined },
  { what: "an empty one", values: [""], read: undefined },
  { what: "version ff", values: [`ff-${TRACE}-${PARENT}-01`], read: undefined },
  { what: "version 00 with more", values: [`${VALID}-more`], read: undefined },
  {
    what: "a later version with more behind no dash",
    values: [`cc-${TRACE}-${PARENT}-01more`],
    read: undefined,
  },
  { what: "a trace-id of zeros", values: [`00-${"0".repeat(32)}-${PARENT}-01`], read: undefined },
  { what: "a parent-id of zeros", values: [`00-${TRACE}-${"0".repeat(16)}-01`], read: undefined },
  { what: "upper case", values: [VALID.toUpperCase()], read: undefined },
  { what: "a short trace-id", values: [`00-${TRACE.slice(1)}-${PARENT}-01`], read: undefined },
  { what: "a long parent-id", values: [`00-${TRACE}-${PARENT}0-01`], read: undefined },
  { what: "other digits", values: [`00-${TRACE.replace("4", "g")}-${PARENT}-01`], read: undefined },
  { what: "other separators", values: [VALID.replaceAll("-", "_")], read: undefined },
  { what: "no flags", values: [`00-${TRACE}-${PARENT}`], read: undefined },
  { what: "text around it", values: [` ${VALID}`], read: undefined },
]

for (const { what, values, read } of CASES) {
  t.test(`of ${what}, ${read ?? "nothing"} is passed on`, async (t) => t.equal(readTraceparent(values), read))
}

t.test("a new one is valid, sampled and made of the bytes", async (t) => {
  const made = makeTraceparent(Buffer.from(TRACE + PARENT, "hex"))
  t.equal(made, VALID)
  t.equal(makeTraceparent(Buffer.from(`ffff${TRACE}${PARENT}ff`, "hex"), 2), VALID)
  t.equal(readTraceparent([made]), made)
  t.equal(traceIdOf(made), TRACE)
})
