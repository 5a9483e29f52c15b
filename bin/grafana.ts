/** `rws grafana`: prints a dashboard for Grafana. */
import { dashboard } from "./dashboard.js"

export function grafana(): void {
  process.stdout.write(`${JSON.stringify(dashboard(), undefined, 2)}\n`)
}
