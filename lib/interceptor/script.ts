/** What the classic `<script>` does: it sets a global, and installs what its own tag or its author says. */
import { type InterceptorOptions, installInterceptor } from "./interceptor.js"

interface ScriptScope {
  readonly document?: {
    readonly currentScript?: { readonly dataset?: Readonly<Record<string, string | undefined>> } | null
  }
  rwsInterceptor?: {
    readonly install: typeof installInterceptor
    /** Ends what the script itself has installed. */
    readonly uninstall?: () => void
  }
}

/**
 * @param written options in the script. Default: the attributes `data-proxy`, `data-endpoint-id`,
 * `data-match` (origins or hosts, separated by spaces) and `data-parameter` of its tag
 */
export function runScript(written?: InterceptorOptions): void {
  const scope = globalThis as unknown as ScriptScope
  const options = written ?? optionsOf(scope.document?.currentScript?.dataset ?? {})
  scope.rwsInterceptor = {
    install: installInterceptor,
    ...(options !== undefined && { uninstall: installInterceptor(options) }),
  }
}

function optionsOf(data: Readonly<Record<string, string | undefined>>): InterceptorOptions | undefined {
  const { proxy, endpointId, match, parameter } = data
  return proxy === undefined ? undefined : { proxy, endpointId, match: match?.trim().split(/\s+/), parameter }
}
