/** Contenders take turns. One that fails at something drops out of it, and the others go on; not so rws. */
import type { Contender } from "../contenders/contender.js"

/** Resolves to those that have stood it, in order. Rejects if rws has not. */
export async function inTurn<Who extends Pick<Contender, "name" | "kind">>(
  activity: string,
  all: readonly Who[],
  work: (who: Who) => Promise<void>,
): Promise<Who[]> {
  const standing: Who[] = []
  for (const who of all) {
    try {
      await work(who)
      standing.push(who)
    } catch (error) {
      if (who.kind === "rws") throw error
      console.log(`\n${who.name} drops out of ${activity}: ${String(error)}`)
    }
  }
  return standing
}
