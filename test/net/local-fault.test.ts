import t from "tap"
import { isLocalFault } from "../../lib/net/local-fault.js"
import { lookupError } from "../support/pool/names.js"

function connectError(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code, syscall: "connect" })
}

const [full, refused] = [connectError("EMFILE"), connectError("ECONNREFUSED")]

const faults: readonly { title: string; error: unknown; isLocal: boolean }[] = [
  ...["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"].map((code) => ({
    title: code,
    error: connectError(code),
    isLocal: true,
  })),
  { title: "EMFILE at every address", error: new AggregateError([full, full]), isLocal: true },
  { title: "EMFILE at one address", error: new AggregateError([full, refused]), isLocal: false },
  { title: "ECONNREFUSED", error: refused, isLocal: false },
  { title: "no memory for a lookup", error: lookupError("EAI_MEMORY"), isLocal: true },
  { title: "an unknown name, with descriptors left", error: lookupError("ENOTFOUND"), isLocal: false },
  { title: "no name server responding", error: lookupError("EAI_AGAIN"), isLocal: false },
  { title: "no error", error: undefined, isLocal: false },
]

for (const { title, error, isLocal } of faults) {
  t.test(`${title} is ${isLocal ? "" : "not "}a local fault`, async (t) => {
    t.equal(isLocalFault(error), isLocal)
  })
}
