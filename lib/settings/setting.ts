/**
 * What the schema says about each key: description, default, flag, example and the names other programs use.
 */
import { z } from "zod"

declare module "zod" {
  interface GlobalMeta {
    /**
     * Flag without its dashes; false: only for files. Scalars default to the key itself, with `-` for `_`.
     */
    flag?: string | false
    /** What holds while the key is absent, in words; for keys without a default value. */
    ifAbsent?: string
    /** Value that `rws init` shows. Default: the default value. */
    example?: unknown
    /** What nginx, HAProxy, Caddy, Traefik, Envoy and http-proxy call this key, separated by white space. */
    otherNames?: string
    /** The value, or every value of the table, may be a credential and must not be printed. */
    isSecret?: boolean
    /** A reload does not apply a change of this key. */
    atStart?: boolean
  }
}

export interface Setting {
  readonly key: string
  readonly description: string
  readonly ifAbsent: string | undefined
  readonly example: unknown
  readonly otherNames: readonly string[]
  readonly isSecret: boolean
  readonly atStart: boolean
  /** The default value; undefined if there is none. */
  readonly default: unknown
  readonly isRequired: boolean
  readonly type: "boolean" | "integer" | "list" | "table" | "text"
  /** Its flag on the command line, without the dashes; undefined if it can only be set in a file. */
  readonly flag: string | undefined
  /** The keys of a table. */
  readonly settings: readonly Setting[]
}

export interface TableSchema {
  readonly shape: Readonly<Record<string, z.ZodType>>
}

/** Reads the keys of a table from its schema, in order. */
export function settingsOf({ shape }: TableSchema): Setting[] {
  return Object.entries(shape).map(([key, schema]) => toSetting(key, schema))
}

function toSetting(key: string, schema: z.ZodType): Setting {
  const { written, meta, fallback, isRequired } = peel(schema)
  const type = typeOf(written)
  const isScalar = type !== "list" && type !== "table"
  const flag = meta.flag ?? (isScalar ? key.replaceAll("_", "-") : false)
  return {
    key,
    description: meta.description ?? "",
    ifAbsent: meta.ifAbsent,
    example: meta.example,
    otherNames: meta.otherNames?.trim().split(/\s+/) ?? [],
    isSecret: meta.isSecret === true,
    atStart: meta.atStart === true,
    default: fallback ?? meta.default,
    isRequired,
    type,
    flag: flag === false ? undefined : flag,
    settings: written instanceof z.ZodObject ? settingsOf(written) : [],
  }
}

/**
 * Takes off what makes a schema optional, and collects what its layers say.
 * @returns `inner`, which parses a value that is there, and `written`, the value as it is written
 */
function peel(schema: z.ZodType): {
  inner: z.core.$ZodType
  written: z.core.$ZodType
  meta: z.GlobalMeta
  fallback: unknown
  isRequired: boolean
} {
  let inner: z.core.$ZodType = schema
  let meta: z.GlobalMeta = {}
  let fallback: unknown
  let isRequired = true
  for (;;) {
    meta = { ...z.globalRegistry.get(inner), ...meta }
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) fallback = inner.def.defaultValue
    else if (!(inner instanceof z.ZodOptional)) {
      return { inner, written: beforeTransforms(inner), meta, fallback, isRequired }
    }
    isRequired = false
    inner = inner.def.innerType
  }
}

function beforeTransforms(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodPipe ? beforeTransforms(schema.def.in) : schema
}

function typeOf(schema: z.core.$ZodType): Setting["type"] {
  if (schema instanceof z.ZodBoolean) return "boolean"
  if (schema instanceof z.ZodNumber) return "integer"
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord) return "table"
  if (schema instanceof z.ZodArray) return "list"
  // One value or a list of them, or else a number for which there are words too.
  if (schema instanceof z.ZodUnion) return schema.options.some(isList) ? "list" : "integer"
  return "text"
}

function isList(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodArray
}

type Sparse<Schema> =
  Schema extends z.ZodDefault<infer Inner extends z.ZodType>
    ? z.ZodOptional<Inner>
    : Schema extends z.ZodPrefault<infer Inner extends z.ZodType>
      ? z.ZodOptional<Inner>
      : Schema extends z.ZodOptional
        ? Schema
        : Schema extends z.ZodType
          ? z.ZodOptional<Schema>
          : never

/**
 * The same keys, all optional, and without filling in their defaults: for a table whose defaults come from
 * another table, or are filled in later. The settings still know the default values.
 */
export function sparse<Shape extends Record<string, z.ZodType>>(
  shape: Shape,
): { [Key in keyof Shape]: Sparse<Shape[Key]> } {
  const entries = Object.entries(shape).map(([key, schema]) => {
    const { inner, meta, fallback } = peel(schema)
    const optional = z.optional(inner)
    return [key, optional.meta({ ...meta, default: fallback ?? meta.default })]
  })
  return Object.fromEntries(entries) as { [Key in keyof Shape]: Sparse<Shape[Key]> }
}

/** A description without its Markdown, for the command line. */
export function plainText(description: string): string {
  return description.replace(/`"([^`"]*)"`/g, "$1").replaceAll("`", "")
}
