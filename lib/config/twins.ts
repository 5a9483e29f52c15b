import { z } from "zod"
import { AddressError, formatAddress, parseBindAddress } from "../address/address.js"
import type { ConfigProblem } from "./problem.js"

const text = z.string().optional().catch(undefined)

/** What must be known to see twins, however wrong the rest may be. */
const listeners = z.object({ ws_proxy: z.array(z.object({ name: text, bind: text }).catch({})) })

/** Two listeners can share neither an address nor a name. Port 0 is a new address each time. */
export function findTwins(input: unknown): ConfigProblem[] {
  const { data } = listeners.safeParse(input)
  const seen = new Map<string, number>()
  return (data?.ws_proxy ?? []).flatMap(({ name, bind }, index) =>
    Object.entries({ name, bind: fixedAddress(bind) }).flatMap(([key, value]): ConfigProblem[] => {
      if (value === undefined) return []
      const twin = seen.get(`${key} ${value}`)
      if (twin !== undefined)
        return [{ path: ["ws_proxy", index, key], message: `"${value}" is taken by ws_proxy[${twin}]` }]
      seen.set(`${key} ${value}`, index)
      return []
    }),
  )
}

function fixedAddress(bind: string | undefined): string | undefined {
  try {
    const address = parseBindAddress(bind ?? "")
    return address.kind === "tcp" && address.port === 0 ? undefined : formatAddress(address)
  } catch (error) {
    if (error instanceof AddressError) return undefined
    throw error
  }
}
