/** The public API of rws-proxy. What is not exported here may change in any release. */
// Kept in the declarations: they use Node's types, which TypeScript 6 does not include by itself.
/// <reference types="node" preserve="true" />
export { AddressError } from "./address.js"
export { CLOSE_REASONS, type CloseReason, type Stage, type Who } from "./close-reason.js"
export { loadConfig } from "./config/load.js"
export { ConfigError, type ConfigProblem } from "./config/problem.js"
export type { Config, ConfigInput, ListenerConfig, ListenerInput } from "./config/schema.js"
export { BindError } from "./net/listener.js"
export { createLog } from "./ops/create-log.js"
export type { Log } from "./ops/log.js"
export { createProxy, type ProxyEvents, type ProxyOptions, type RunningProxy } from "./proxy.js"
export type { HealthChange } from "./routing/health.js"
export { Pool } from "./routing/pool.js"
export type { BackendInput, PoolOptions } from "./routing/pool-settings.js"
export type { EndedSession, RefusedSession, SessionSummary } from "./session-summary.js"
export { SettingError } from "./setting-error.js"
export { WsProxy } from "./ws-proxy.js"
