/** A certificate authority for tests, made with the openssl command. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Test } from "tap"

export interface Issued {
  readonly certFile: string
  readonly keyFile: string
  /** Contents of the files. */
  readonly cert: string
  readonly key: string
}

export interface TestCa extends Issued {
  /** The folder of all files, removed when the test ends. */
  readonly folder: string
  /**
   * Issues a certificate for names such as `DNS:backend.example,IP:127.0.0.1`; negative days: expired.
   */
  issue(names: string, days?: number): Issued
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

export function makeTestCa(t: Test): TestCa {
  const folder = mkdtempSync(join(tmpdir(), "rws-ca-"))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" })
  const read = (name: string): Issued => {
    const certFile = join(folder, `${name}.pem`)
    const keyFile = join(folder, `${name}.key`)
    return { certFile, keyFile, cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") }
  }
  const subject = ["-subj", "/CN=Authority of the tests"]
  openssl("req", "-x509", ...NEW_KEY, "-days", "2", ...subject, "-out", "ca.pem", "-keyout", "ca.key")
  let issued = 0
  return {
    ...read("ca"),
    folder,
    issue(names, days = 2) {
      const name = `issued-${issued++}`
      const request = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${names}`]
      openssl("req", ...NEW_KEY, ...request, "-out", `${name}.csr`, "-keyout", `${name}.key`)
      const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"]
      openssl("x509", "-req", "-in", `${name}.csr`, ...signing, "-days", `${days}`, "-out", `${name}.pem`)
      return read(name)
    },
  }
}
