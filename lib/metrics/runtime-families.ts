/**
 * CPU and memory of the process, under the names that prom-client and other clients use. prom-client's
 * default metrics also observe every garbage collection, which costs more than counting does.
 */
import { type Family, single } from "./family.js"

function family(type: "counter" | "gauge", name: string, help: string, read: () => number): Family {
  return { name, type, help, labelNames: [], read: () => single(read()) }
}

const startedS = Date.now() / 1000 - process.uptime()

export const RUNTIME_FAMILIES: readonly Family[] = [
  family(
    "counter",
    "process_cpu_user_seconds_total",
    "CPU time of all threads in user mode.",
    () => process.cpuUsage().user / 1e6,
  ),
  family(
    "counter",
    "process_cpu_system_seconds_total",
    "CPU time of all threads in the kernel.",
    () => process.cpuUsage().system / 1e6,
  ),
  family("counter", "process_cpu_seconds_total", "CPU time of all threads.", () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  family("gauge", "process_start_time_seconds", "When the process started, as Unix time.", () => startedS),
  family("gauge", "process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss()),
  family(
    "gauge",
    "nodejs_heap_size_total_bytes",
    "Heap of the main thread.",
    () => process.memoryUsage().heapTotal,
  ),
  family(
    "gauge",
    "nodejs_heap_size_used_bytes",
    "Heap of the main thread that is in use.",
    () => process.memoryUsage().heapUsed,
  ),
  family(
    "gauge",
    "nodejs_external_memory_bytes",
    "Memory of the main thread outside its heap, such as buffers.",
    () => process.memoryUsage().external,
  ),
]
