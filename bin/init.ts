/** `rws init`: prints a commented configuration to begin with. */
import { exampleConfig } from "../lib/config/example.js"

export function init(): void {
  process.stdout.write(exampleConfig())
}
