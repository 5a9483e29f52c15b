/** Reads CA certificates, client certificate and key for TLS connections to backends from PEM files. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import type { SecureContext } from "node:tls"
import { readRegularFile } from "../settings/regular-file.js"
import { SettingError } from "../settings/setting-error.js"

/** Paths of PEM files. "" is the same as absent. */
export interface SecureContextFiles {
  /** Trusted CA certificates. They replace Node's own list (and `NODE_EXTRA_CA_CERTS`). */
  readonly ca?: string | undefined
  /** The client certificate, followed by its intermediate certificates. */
  readonly cert?: string | undefined
  /** Its private key, not encrypted. */
  readonly key?: string | undefined
}

/**
 * Reads and checks the files. Creating a context takes about 10 ms, so connections should share one.
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

/** Parses every certificate of a file, because OpenSSL silently ignores all after the first invalid one. */
export function readCertificates(setting: string, path: string): readonly X509Certificate[] {
  const blocks = readRegularFile(path, "latin1", `${setting} "${path}"`).match(CERTIFICATE)
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
  const text = readRegularFile(path, "latin1", `key "${path}"`)
  if (/ENCRYPTED/.test(text)) {
    throw new SettingError(`key "${path}" is encrypted: rws can't ask for a passphrase`)
  }
  try {
    return createPrivateKey(text)
  } catch {
    throw new SettingError(`key "${path}" holds no PEM private key`)
  }
}
