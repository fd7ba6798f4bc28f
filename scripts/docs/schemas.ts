import * as z from 'zod'
import { fleetSchema } from '../../src/core/model/fleet.ts'
import { lineSchema } from '../../src/core/model/record.ts'
import { reportSchema } from '../../src/core/model/report.ts'
import { configSchema } from '../../src/core/project/config.ts'
import { importSchema } from '../../src/core/records/import.ts'

/** The part of JSON Schema (2020-12) that zod writes. */
export interface JsonSchema {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly enumDescriptions?: readonly string[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
}

const schemas = {
  config: configSchema,
  record: lineSchema,
  report: reportSchema,
  import: importSchema,
  fleet: fleetSchema,
}

export type SchemaName = keyof typeof schemas

/**
 * The published JSON Schema of a format.
 * @param unknownFields whether readers accept fields that this version does not have, as published schemas do
 */
export function jsonSchema(name: SchemaName, unknownFields = true): JsonSchema {
  return z.toJSONSchema<z.ZodType>(schemas[name], {
    io: unknownFields ? 'input' : 'output',
    // A driver of a config is an object with functions.
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      delete jsonSchema.readOnly
    },
  }) as JsonSchema
}

/** The files of `schemas/`. */
export const schemaFiles = (): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(schemas) as SchemaName[]).map((name) => [
      `schemas/${name}.schema.json`,
      `${JSON.stringify(jsonSchema(name), null, 2)}\n`,
    ]),
  )
