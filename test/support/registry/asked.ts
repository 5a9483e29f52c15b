/** Requests as a locator is asked about them, and the registries that are asked. */
import type { Test } from "tap"
import type { AskedRequest, Asking } from "../../../lib/access/check.js"
import type { SessionEnd } from "../../../lib/close-reason.js"
import { parseEndpointKey } from "../../../lib/registry/endpoint-key.js"
import type { Destination } from "../../../lib/registry/locator.js"
import { Registry, type RegistryDependencies } from "../../../lib/registry/registry.js"
import { registrySchema } from "../../../lib/registry/registry-schema.js"
import type { UpgradeRequest } from "../../../lib/upgrade/upgrade-request.js"
import { poolRequest } from "../pool/pool-request.js"
import { rejectionOf } from "../project/thrown.js"

export function askedFor(request: UpgradeRequest): AskedRequest {
  const client = { ip: "192.0.2.1", port: 40_000 }
  return {
    request,
    received: request,
    peer: client,
    client,
    proto: "http",
    report: undefined,
    trace: undefined,
  }
}

export const ASKING: Asking = {
  signal: new AbortController().signal,
  listener: "front",
  route: undefined,
}

type Fields = Parameters<typeof poolRequest>[1][]

export interface TestRegistry {
  readonly registry: Registry
  readonly faults: Error[]
  /** Where a request with this target leads. */
  locate(target: string, ...fields: Fields): Destination | Promise<Destination>
  /** The reason of the `SessionEnd` that it is refused with; undefined if it is not. */
  refusalOf(target: string, ...fields: Fields): Promise<SessionEnd["reason"] | undefined>
}

/** Prepares a registry, which is stopped when the test ends. */
export async function startRegistry(
  t: Test,
  settings: Readonly<Record<string, unknown>>,
  {
    key = "query:id",
    keepsKey = false,
    ...deps
  }: Partial<RegistryDependencies> & {
    readonly key?: string
    readonly keepsKey?: boolean
  } = {},
): Promise<TestRegistry> {
  const faults: Error[] = []
  const onFault = (error: Error) => void faults.push(error)
  const registry = new Registry("test", registrySchema.parse(settings), { onFault, ...deps })
  t.teardown(() => registry.stop())
  await registry.prepare()
  const locator = registry.locator(parseEndpointKey(key), keepsKey)
  const locate: TestRegistry["locate"] = (target, ...fields) => {
    const request = poolRequest(target, ...fields)
    return locator.locate(askedFor(request), target, ASKING)
  }
  const refusalOf: TestRegistry["refusalOf"] = async (target, ...fields) =>
    ((await rejectionOf(() => locate(target, ...fields))) as SessionEnd | undefined)?.reason
  return { registry, faults, locate, refusalOf }
}
