/** A self-signed certificate for the host name of the README's examples. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Test } from "tap"
import { Program } from "../../support/program/program.js"

export const HOST = "ws.example.com"

export interface Certificate {
  readonly certificateFile: string
  readonly keyFile: string
  /** Certificate and key in one file. */
  readonly bothFile: string
  /** The CA certificate for clients. */
  readonly ca: string
}

/** Makes a certificate in this folder with the openssl command. */
export async function makeCertificate(t: Test, folder: string): Promise<Certificate> {
  const certificateFile = join(folder, "certificate.pem")
  const keyFile = join(folder, "key.pem")
  const bothFile = join(folder, "both.pem")
  const openssl = Program.start(t, "openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`],
    ...["-out", certificateFile, "-keyout", keyFile],
  ])
  const { code } = await openssl.untilExit()
  if (code !== 0) throw new Error(`openssl: ${openssl.stderr}`)
  const ca = await readFile(certificateFile, "utf8")
  await writeFile(bothFile, ca + (await readFile(keyFile, "utf8")))
  return { certificateFile, keyFile, bothFile, ca }
}
