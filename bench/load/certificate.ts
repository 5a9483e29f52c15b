/** A certificate for the backend behind `wss://`, made with the openssl command. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { HOST } from "./port.js"

export interface Certificate {
  /** PEM files. */
  readonly cert: string
  readonly key: string
}

/** Undefined where openssl is not installed. The files are gone when the process ends. */
export function makeCertificate(): Certificate | undefined {
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  process.on("exit", () => rmSync(folder, { recursive: true }))
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") }
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", files.key]
  const subject = ["-subj", "/CN=bench", "-addext", `subjectAltName=IP:${HOST}`, "-days", "2"]
  const { status } = spawnSync("openssl", ["req", "-x509", ...key, ...subject, "-out", files.cert])
  return status === 0 ? files : undefined
}
