/** Compares JSON with the schemas of the admin API's OpenAPI document. */
import { OPENAPI } from "../../../lib/admin/openapi.js"

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly string[]
  readonly format?: string
  readonly minimum?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | true
  readonly items?: Schema
}

/** What is wrong with a value, each with its path. Properties that are not documented are wrong as well. */
export function faultsIn(value: unknown, written: object, path = "$"): string[] {
  const schema = resolve(written)
  const { type, items, properties } = schema
  if (type === "array") {
    if (!Array.isArray(value)) return [`${path} is not an array`]
    return value.flatMap((item, index) => faultsIn(item, items ?? {}, `${path}[${index}]`))
  }
  if (type === "object") {
    if (typeof value !== "object" || value === null) return [`${path} is not an object`]
    const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name))
    return [
      ...missing.map((name) => `${path}.${name} is missing`),
      ...Object.entries(value).flatMap(([name, member]) => {
        const known = properties?.[name] ?? schema.additionalProperties
        if (known === true) return []
        return known === undefined
          ? [`${path}.${name} is unknown`]
          : faultsIn(member, known, `${path}.${name}`)
      }),
    ]
  }
  return isScalar(value, schema) ? [] : [`${path} is ${JSON.stringify(value)}`]
}

function resolve(written: object): Schema {
  const { $ref } = written as Schema
  if ($ref === undefined) return written as Schema
  return (OPENAPI.components.schemas[$ref.replace("#/components/schemas/", "")] ?? {}) as Schema
}

function isScalar(value: unknown, { type, enum: values, format, minimum = -Infinity }: Schema): boolean {
  if (type === "boolean") return typeof value === "boolean"
  if (type === "number") return typeof value === "number" && value >= minimum
  if (type === "integer") return Number.isInteger(value) && Number(value) >= minimum
  if (typeof value !== "string") return false
  if (format === "date-time" && new Date(value).toISOString() !== value) return false
  return values === undefined || values.includes(value)
}

/** The schema of a 200 response, by the path in the document. */
export function responseSchema(path: string, method = "get"): object {
  type Operation = {
    readonly responses: { readonly 200: { readonly content: Readonly<Record<string, { schema: object }>> } }
  }
  const operations = OPENAPI.paths[path] as Readonly<Record<string, Operation>> | undefined
  const schema = operations?.[method]?.responses[200].content["application/json"]?.schema
  if (schema === undefined) throw new Error(`${method} ${path} is not documented`)
  return schema
}
