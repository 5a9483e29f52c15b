/** The public API of rws-proxy. Everything that is not exported here may change in any release. */
// Must stay in the emitted declarations: they use Node's types, and TypeScript 6 does not load these by
// default.
/// <reference types="node" preserve="true" />
export type { Authorize } from "./access/authorize-hook.js"
export { type HookChanges, type HookLimits, type HookRequest, Refusal } from "./access/hook.js"
export { AddressError } from "./address/address.js"
export { WsProxy } from "./builder.js"
export { CLOSE_REASONS, type CloseReason, type Stage, type Who } from "./close-reason.js"
export type { ListenerConfig } from "./config/listener-schema.js"
export { loadConfig } from "./config/load.js"
export { ConfigError, type ConfigProblem } from "./config/problem.js"
export type { Config } from "./config/schema.js"
export { BindError } from "./net/listener.js"
export { createLog } from "./ops/create-log.js"
export type { Log } from "./ops/log.js"
export type { EndedSession, OpenedSession, RefusedSession, SessionSummary } from "./ops/session-summary.js"
export type { BackendInput } from "./pool/backend-settings.js"
export type { HealthChange } from "./pool/health.js"
export { Pool } from "./pool/pool.js"
export type { PoolOptions } from "./pool/pool-settings.js"
export type { AttachedConfig, AttachedInput, AttachedListenerConfig } from "./proxy/attached-config.js"
export { createProxy, type ProxyOptions, type RunningProxy } from "./proxy/proxy.js"
export type { ProxyEvents } from "./proxy/session-events.js"
export {
  createUpgradeHandler,
  type UpgradeHandler,
  type UpgradeIncoming,
  type UpgradeOptions,
} from "./proxy/upgrade-handler.js"
export type { Locate, Location } from "./registry/locate-hook.js"
export { SettingError } from "./settings/setting-error.js"
