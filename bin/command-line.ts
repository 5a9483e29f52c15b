/**
 * The command line. Exit codes: 0 done, 1 could not run (an address is taken), 2 usage or configuration,
 * 3 tunnels were cut by the drain.
 */
import { closest, distance } from "fastest-levenshtein"
import yargs, { type Argv } from "yargs"
import { hideBin } from "yargs/helpers"
import { BindError, ConfigError, SettingError } from "../lib/index.js"
import { check } from "./check.js"
import { configOptions, LIST_FLAGS, listenerFlags, programFlags } from "./config-options.js"
import { end } from "./end.js"
import { toKnownFlags } from "./flag-names.js"
import { reload } from "./reload.js"
import { RunError } from "./run-error.js"
import { serve } from "./serve.js"
import { UsageError } from "./usage-error.js"

const COULD_NOT_RUN = 1
const USAGE = 2
const COMMANDS = [
  "serve",
  "check",
  "reload",
  "ctl",
  "endpoints",
  "top",
  "healthcheck",
  "init",
  "systemd",
  "grafana",
  "interceptor",
  "echo",
  "demo",
]

const CTL_ORDERS = [
  ...[
    "status",
    "listeners",
    "pools",
    "sessions",
    "ended",
    "events",
    "close",
    "drain",
    "undrain",
    "add",
    "remove",
  ],
  ...["weight", "reload", "log-level"],
]
/** What is a list, though it is no option. */
const WORDS = ["_", "arguments", "field"]

const cli = yargs()
  .scriptName("rws")
  .usage("A raw-TCP WebSocket proxy.\n\nUsage: $0 [command] [options]")
  .command("$0", "Run the proxy", served, serve)
  .command("serve [file]", "Run the proxy, as without a command", (command) => byFile(served(command)), serve)
  .command(
    "check [file]",
    "Check the configuration and show its listeners",
    (command) => byFile(configured(command)),
    check,
  )
  .command("reload [file]", "Check the configuration and tell the running rws to read it", reloaded, reload)
  .command("ctl <order> [arguments..]", "Show or change a running rws", ctlOptions, async (given) => {
    const { ctl } = await import("./ctl.js")
    await ctl(given)
  })
  .command(
    "endpoints <order> [key] [url]",
    "Show or change the endpoints of a registry",
    endpointsOptions,
    async (given) => {
      const { endpoints } = await import("./endpoints.js")
      await endpoints(given)
    },
  )
  .command("top", "Watch a running rws", topOptions, async (given) => {
    const { top } = await import("./top.js")
    await top(given)
  })
  .command("healthcheck [file]", "Check that a running proxy responds", healthcheckOptions, async (given) => {
    const { healthcheck } = await import("./healthcheck.js")
    await healthcheck(given)
  })
  .command("init", "Print a commented configuration file with every key", {}, async () => {
    const { init } = await import("./init.js")
    init()
  })
  .command("systemd", "Print a hardened unit file for systemd", systemdOptions, async (given) => {
    const { systemd } = await import("./systemd.js")
    systemd(given)
  })
  .command("grafana", "Print a Grafana dashboard for the metrics of [admin]", {}, async () => {
    const { grafana } = await import("./grafana.js")
    grafana()
  })
  .command(
    "interceptor",
    "Print the script that sends the WebSockets of a page through rws",
    interceptorOptions,
    async (given) => {
      const { interceptor } = await import("./interceptor.js")
      interceptor(given)
    },
  )
  // Imported lazily: a serving proxy never loads a WebSocket client or server.
  .command("echo", "Run a WebSocket echo backend, to try things with", echoOptions, async (given) => {
    const { echo } = await import("./echo.js")
    await echo(given)
  })
  .command("demo", "Run two echo backends and a proxy in front of them on free ports", {}, async () => {
    const { demo } = await import("./demo.js")
    await demo()
  })
  .example("$0", "serve what $RWS_CONFIG_FILE or ./rws.config.toml says")
  .example("$0 init > rws.config.toml", "begin with a file that has every key")
  .example("$0 check /etc/rws.toml", "find mistakes before a restart")
  .example("$0 --bind 0.0.0.0:8080 --backend 127.0.0.1:9000 --backend 127.0.0.1:9001", "run without a file")
  .example("$0 echo --bind 127.0.0.1:9000", "a backend to try it with")
  .epilogue(
    "Exit codes: 0 done; 1 could not run (an address is taken, say); 2 usage or configuration; 3 done, but the drain has cut tunnels.",
  )
  .check(refuseTwice)
  .check(refuseWords)
  .locale("en")
  .parserConfiguration({ "camel-case-expansion": false })
  .strictOptions()
  .wrap(110)
  .version()
  .alias("v", "version")
  .help()
  .alias("h", "help")
  .fail((message, error) => {
    throw message ? new UsageError(message) : error
  })

// The reader of our output may leave early, as in `rws demo | head`.
process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  if (code === "EPIPE") process.exit()
  console.error(`cannot write to standard output: ${message}`)
  process.exit(COULD_NOT_RUN)
})

try {
  await cli.parseAsync(toKnownFlags(hideBin(process.argv)))
} catch (error) {
  await end(report(error))
}

/** yargs turns repeated options into a list. */
function refuseTwice(given: Readonly<Record<string, unknown>>): true {
  for (const [flag, value] of Object.entries(given)) {
    if (Array.isArray(value) && !WORDS.includes(flag) && !LIST_FLAGS.has(flag))
      throw new UsageError(`--${flag} was given more than once`)
  }
  return true
}

/** Refuses words that are neither a command nor an argument of one. */
function refuseWords({ _: words }: { readonly _: readonly (string | number)[] }): true {
  const [first, ...more] = words.map(String)
  if (first === undefined) return true
  if (COMMANDS.includes(first)) {
    if (more.length > 0) throw new UsageError(`"${more[0]}" is one argument too many`)
    return true
  }
  const near = closest(first, COMMANDS)
  if (distance(first, near) <= 2) throw new UsageError(`unknown command "${first}"; did you mean "${near}"?`)
  const advice = /[./]/.test(first)
    ? `to serve a file: rws serve ${first}`
    : `commands: ${COMMANDS.join(", ")}`
  throw new UsageError(`unknown command "${first}"; ${advice}`)
}

function byFile(command: Argv) {
  return command.positional("file", {
    type: "string",
    describe: "Configuration file, the same as --config",
  })
}

function served(command: Argv) {
  return configured(command).option("replace", {
    type: "boolean",
    default: false,
    describe: "Take the place of the rws that holds the pid file, which then drains; needs reuse_port",
  })
}

function reloaded(command: Argv) {
  return byFile(command).options(configOptions).options(programFlags).option("pid", {
    type: "string",
    requiresArg: true,
    describe: "Process id of rws (default: by pid_file)",
  })
}

function configured(command: Argv) {
  return command
    .options(configOptions)
    .options(programFlags)
    .options(listenerFlags)
    .group(Object.keys(listenerFlags), "Without a file:")
}

function ctlOptions(command: Argv) {
  const filter = (describe: string) => ({ type: "string", requiresArg: true, describe }) as const
  return administrated(command)
    .positional("order", { type: "string", demandOption: true, choices: CTL_ORDERS, describe: "What to do" })
    .positional("arguments", { type: "string", array: true, describe: "A session's id, a backend, a level" })
    .option("json", { type: "boolean", default: false, describe: "Print the JSON of the admin API" })
    .options({
      pool: filter("Pool of the backend, or of the sessions"),
      weight: filter("Weight of the backend that is added"),
      backend: filter("Sessions of this backend"),
      listener: filter("Sessions of this listener"),
      client: filter("Sessions of clients with this in their address"),
      stage: filter("Sessions at this stage, as in tunnel"),
      sort: filter("Key to sort sessions by, as in ageMs; --sort=-ageMs for descending"),
      limit: filter("How many sessions to show (default: 100)"),
      offset: filter("How many sessions to skip"),
    })
    .example("$0 ctl sessions --backend chat-1:9000", "its live sessions")
    .example("$0 ctl drain chat-1:9000", "send it no new sessions until the next reload")
    .example("$0 ctl close --backend chat-1:9000", "close its tunnels")
}

function endpointsOptions(command: Argv) {
  return command
    .options(configOptions)
    .positional("order", {
      type: "string",
      demandOption: true,
      choices: ["list", "get", "set", "remove", "enable", "disable"],
      describe: "What to do",
    })
    .positional("key", { type: "string", describe: "Key of the endpoint" })
    .positional("url", { type: "string", describe: "For set: its URL" })
    .options({
      registry: { type: "string", requiresArg: true, describe: "Name of the registry, if there are several" },
      json: { type: "boolean", default: false, describe: "For list: print the entries as JSON" },
      field: {
        type: "string",
        array: true,
        requiresArg: true,
        describe: "For set: a field that the backend gets, as in X-Tenant=a",
      },
      "allowed-origin": {
        type: "string",
        array: true,
        requiresArg: true,
        describe: "For set: an origin that may connect",
      },
      "max-connections": {
        type: "number",
        requiresArg: true,
        describe: "For set: concurrent sessions; 0 = unlimited",
      },
    })
    .example("$0 endpoints set room1 ws://10.0.0.5:9000", "add an endpoint, or move it")
    .example("$0 endpoints disable room1", "refuse new connections to it with a 403")
}

function topOptions(command: Argv) {
  return administrated(command)
    .option("interval-ms", {
      type: "number",
      requiresArg: true,
      default: 1000,
      describe: "Time between refreshes",
    })
    .option("count", {
      type: "number",
      requiresArg: true,
      default: 0,
      describe: "Refreshes; 0 = until Ctrl-C",
    })
}

function administrated(command: Argv) {
  return command.options(configOptions).options({
    admin: {
      type: "string",
      requiresArg: true,
      describe: "Address of the admin server (default: that of the configuration)",
    },
    "token-file": {
      type: "string",
      requiresArg: true,
      describe: "File with its token (default: $RWS_ADMIN_TOKEN, or by the configuration)",
    },
  })
}

function healthcheckOptions(command: Argv) {
  return byFile(configured(command)).option("timeout-ms", {
    type: "number",
    requiresArg: true,
    default: 3000,
    describe: "How long each listener may take to respond",
  })
}

function systemdOptions(command: Argv) {
  return command.option("socket", {
    type: "boolean",
    default: false,
    describe: "Print the socket unit, for restarts without a gap",
  })
}

function interceptorOptions(command: Argv) {
  const option = (describe: string) => ({ type: "string", requiresArg: true, describe }) as const
  return command
    .option("module", { type: "boolean", default: false, describe: "Print the ES module" })
    .option("proxy", option("URL of rws: then the script needs no options in the page"))
    .option("endpoint-id", option("Key of the endpoint in the registry of rws"))
    .option("match", option("Origins or hosts to intercept, separated by spaces (default: all others)"))
    .option("parameter", option("Query parameter with the key (default: endpointId)"))
    .implies("endpoint-id", "proxy")
    .implies("match", "proxy")
    .implies("parameter", "proxy")
}

function echoOptions(command: Argv) {
  return command
    .option("bind", { type: "string", demandOption: true, describe: "host:port, [v6]:port or unix:/path" })
    .option("raw", {
      type: "boolean",
      default: false,
      describe: "Echo bytes as they are, without reading frames",
    })
}

/** Prints the message of an expected error, and everything about an unexpected one. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof ConfigError || error instanceof SettingError) {
    console.error(error.message)
    return USAGE
  }
  if (error instanceof BindError || error instanceof RunError) {
    console.error(error.message)
    return COULD_NOT_RUN
  }
  if (error instanceof UsageError) {
    console.error(`${error.message}\nTry: rws --help`)
    return USAGE
  }
  console.error(error)
  return COULD_NOT_RUN
}
