import { Sweep, type Swept } from "../../../lib/net/sweep.js"

/** A sweep without a timer: the test calls it with times of its choice. */
export class HandSweep extends Sweep {
  readonly members = new Set<Swept>()

  constructor() {
    super([])
    this.stop()
  }

  override add(member: Swept): void {
    this.members.add(member)
  }

  override delete(member: Swept): void {
    this.members.delete(member)
  }

  look(nowMs: number): void {
    for (const member of this.members) member.check(nowMs)
  }
}
