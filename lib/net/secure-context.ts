/**
 * What rws brings to a TLS handshake with a backend: whom it trusts and the certificate that it shows, read
 * from files.
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import type { SecureContext } from "node:tls"
import { SettingError } from "../settings/setting-error.js"

/** Paths of PEM files. What is absent or "" is not given. */
export interface SecureContextFiles {
  /** Authorities that are trusted, instead of those that Node brings along (and `NODE_EXTRA_CA_CERTS`). */
  readonly ca?: string | undefined
  /** The certificate that a backend may ask for, with what leads from it to an authority behind it. */
  readonly cert?: string | undefined
  /** Its private key, not encrypted. */
  readonly key?: string | undefined
}

/**
 * Reads and checks the files. Making a context takes some 10 ms: many connections should share one.
 * @throws {SettingError}
 */
export function readSecureContext({ ca = "", cert = "", key = "" }: SecureContextFiles): SecureContext {
  if (cert === "" && key !== "") throw new SettingError(`key "${key}" needs a cert as well`)
  if (key === "" && cert !== "") throw new SettingError(`cert "${cert}" needs its key as well`)
  const { createSecureContext } = process.getBuiltinModule("node:tls")
  return createSecureContext({
    ...(ca !== "" && { ca: readCertificates("ca", ca).map(String) }),
    ...(cert !== "" && readPair(cert, key)),
  })
}

function readPair(cert: string, key: string): { cert: string; key: string } {
  const certificates = readCertificates("cert", cert)
  const privateKey = readKey(key)
  if (certificates[0]?.checkPrivateKey(privateKey) !== true) {
    throw new SettingError(`key "${key}" is not the key of the certificate in cert "${cert}"`)
  }
  return {
    cert: certificates.join("\n"),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  }
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]*-----/g

/**
 * Every certificate of a file is parsed, because OpenSSL passes over all from the first bad one on without a
 * word.
 */
export function readCertificates(setting: string, path: string): readonly X509Certificate[] {
  const blocks = readText(setting, path).match(CERTIFICATE)
  if (blocks === null) throw new SettingError(`${setting} "${path}" holds no PEM certificate`)
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new SettingError(`${setting} "${path}": certificate ${index + 1} can't be parsed`)
    }
  })
}

/** A private key that is not encrypted. Throws `SettingError`. */
export function readKey(path: string): KeyObject {
  const text = readText("key", path)
  if (/ENCRYPTED/.test(text)) {
    throw new SettingError(`key "${path}" is encrypted: rws can't ask for a passphrase`)
  }
  try {
    return createPrivateKey(text)
  } catch {
    throw new SettingError(`key "${path}" holds no PEM private key`)
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
}

function readText(setting: string, path: string): string {
  try {
    return readFileSync(path, "latin1")
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException
    throw new SettingError(`${setting} "${path}" can't be read: ${READ_FAULTS[code] ?? message}`, {
      cause: error,
    })
  }
}
