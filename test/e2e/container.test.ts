/** What the README says of containers: the Dockerfile and the manifests fit the program. */
import t from "tap"
import { parseAllDocuments } from "yaml"
import { parseConfig, toSettings } from "../../lib/config/load.js"
import { readProjectFile } from "../support/project/project.js"
import { blockOf } from "../support/project/readme.js"

const documents = parseAllDocuments(blockOf("yaml"), { strict: true, uniqueKeys: true })
const { name, version } = JSON.parse(readProjectFile("package.json")) as { name: string; version: string }

/** The manifest of this kind. */
function manifest(kind: string) {
  const found = documents.find((document) => document.get("kind") === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

const DEPLOYMENT = manifest("Deployment")
const POD = ["spec", "template", "spec"]
const CONTAINER = [...POD, "containers", 0]

t.test("the manifests are valid YAML", async (t) => {
  t.strictSame(
    documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]),
    [],
  )
  t.same(
    documents.map((document) => document.get("kind")),
    ["ConfigMap", "Deployment", "Service"],
  )
})

t.test("the configuration in the manifests is valid, and the pod may drain to its end", async (t) => {
  const toml = manifest("ConfigMap").getIn(["data", "rws.config.toml"])
  const { ws_proxy } = toSettings(await parseConfig(String(toml), "ConfigMap"))
  t.equal(ws_proxy.length, 1)
  const graceMs = Number(DEPLOYMENT.getIn([...POD, "terminationGracePeriodSeconds"])) * 1000
  for (const { bind, drain_delay_ms, drain_timeout_ms, drain_spread_ms } of ws_proxy) {
    t.ok(drain_delay_ms > 0, "no preStop hook is needed")
    t.ok(graceMs > drain_delay_ms + drain_timeout_ms + drain_spread_ms)
    t.match(bind, { port: DEPLOYMENT.getIn([...CONTAINER, "ports", 0, "containerPort"]) })
  }
})

t.test("the pod runs without privileges, and is probed by a command of rws", async (t) => {
  t.equal(DEPLOYMENT.getIn([...POD, "securityContext", "runAsNonRoot"]), true)
  t.equal(DEPLOYMENT.getIn([...CONTAINER, "securityContext", "readOnlyRootFilesystem"]), true)
  t.equal(DEPLOYMENT.getIn([...CONTAINER, "securityContext", "allowPrivilegeEscalation"]), false)
  const command = [...CONTAINER, "livenessProbe", "exec", "command"]
  t.strictSame(
    [0, 1].map((index) => DEPLOYMENT.getIn([...command, index])),
    ["rws", "healthcheck"],
  )
})

t.test("the labels and ports of the manifests fit each other", async (t) => {
  const label = DEPLOYMENT.getIn(["spec", "template", "metadata", "labels", "app"])
  t.equal(DEPLOYMENT.getIn(["spec", "selector", "matchLabels", "app"]), label)
  t.equal(manifest("Service").getIn(["spec", "selector", "app"]), label)
  const port = DEPLOYMENT.getIn([...CONTAINER, "ports", 0, "name"])
  t.equal(manifest("Service").getIn(["spec", "ports", 0, "targetPort"]), port)
  t.equal(DEPLOYMENT.getIn([...CONTAINER, "readinessProbe", "tcpSocket", "port"]), port)
})

t.test("the Dockerfile installs this version, for a user other than root", async (t) => {
  const dockerfile = blockOf("dockerfile")
  t.match(dockerfile, `${name}-${version}.tgz`)
  t.match(dockerfile, /^USER node$/m)
  t.match(dockerfile, /^HEALTHCHECK .* CMD \["rws", "healthcheck"\]$/m)
})
