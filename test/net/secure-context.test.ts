import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { readSecureContext, type SecureContextFiles } from "../../lib/net/secure-context.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { thrownBy } from "../support/project/thrown.js"

const ca = makeTestCa(t)
const mine = ca.issue("DNS:one.example")
const other = ca.issue("DNS:two.example")
const file = (name: string, text: string) => {
  const path = join(ca.folder, name)
  writeFileSync(path, text)
  return path
}
const folder = join(ca.folder, "folder")
mkdirSync(folder)
const chain = file("chain.pem", mine.cert + ca.cert)
const combined = file("combined.pem", mine.key + mine.cert)
const broken = file("broken.pem", `${ca.cert}${mine.cert.replace(/\n.{20}/, "\nAAAAAAAAAAAAAAAAAAAA")}`)
const encrypted = join(ca.folder, "encrypted.key")
execFileSync("openssl", ["pkey", "-in", mine.keyFile, "-aes256", "-passout", "pass:x", "-out", encrypted])
const missing = join(ca.folder, "missing.pem")
const text = file("text.pem", "no certificate\n")

const good: readonly { title: string; files: SecureContextFiles }[] = [
  { title: "no files", files: {} },
  { title: "empty names", files: { ca: "", cert: "", key: "" } },
  { title: "a CA certificate", files: { ca: ca.certFile } },
  { title: "several CA certificates in one file", files: { ca: chain } },
  { title: "a certificate and its key", files: { cert: mine.certFile, key: mine.keyFile } },
  { title: "a certificate with its chain", files: { cert: chain, key: mine.keyFile } },
  { title: "a certificate and its key in one file", files: { cert: combined, key: combined } },
]

for (const { title, files } of good) {
  t.test(`a context is created from ${title}`, async (t) => {
    t.type(readSecureContext(files).context, Object)
  })
}

const bad: readonly { title: string; files: SecureContextFiles; says: string }[] = [
  {
    title: "a missing CA file",
    files: { ca: missing },
    says: `ca "${missing}" can't be read: there is no such file`,
  },
  {
    title: "a device",
    files: { ca: "/dev/zero" },
    says: 'ca "/dev/zero" can\'t be read: it is not a regular file',
  },
  { title: "a folder", files: { ca: folder }, says: `ca "${folder}" can't be read: it is a folder` },
  { title: "a CA file without PEM", files: { ca: text }, says: `ca "${text}" holds no PEM certificate` },
  {
    title: "a key instead of a CA certificate",
    files: { ca: mine.keyFile },
    says: `ca "${mine.keyFile}" holds no PEM certificate`,
  },
  {
    title: "an invalid certificate after a valid one",
    files: { ca: broken },
    says: `ca "${broken}": certificate 2 can't be parsed`,
  },
  {
    title: "a certificate without its key",
    files: { cert: mine.certFile },
    says: `cert "${mine.certFile}" needs its key as well`,
  },
  {
    title: "a key without its certificate",
    files: { key: mine.keyFile },
    says: `key "${mine.keyFile}" needs a cert as well`,
  },
  {
    title: "the key of another certificate",
    files: { cert: mine.certFile, key: other.keyFile },
    says: `key "${other.keyFile}" is not the key of the certificate in cert "${mine.certFile}"`,
  },
  {
    title: "a chain in the wrong order",
    files: { cert: file("reversed.pem", ca.cert + mine.cert), key: mine.keyFile },
    says: `key "${mine.keyFile}" is not the key of the certificate in cert "${join(ca.folder, "reversed.pem")}"`,
  },
  {
    title: "a certificate instead of a key",
    files: { cert: mine.certFile, key: mine.certFile },
    says: `key "${mine.certFile}" holds no PEM private key`,
  },
  {
    title: "an encrypted key",
    files: { cert: mine.certFile, key: encrypted },
    says: `key "${encrypted}" is encrypted: rws can't ask for a passphrase`,
  },
  {
    title: "a missing key file",
    files: { cert: mine.certFile, key: missing },
    says: `key "${missing}" can't be read: there is no such file`,
  },
]

for (const { title, files, says } of bad) {
  t.test(`no context is created from ${title}, and the error says why`, async (t) => {
    const error = thrownBy(() => readSecureContext(files))
    t.ok(error instanceof SettingError)
    t.equal(error instanceof Error && error.message, says)
  })
}
