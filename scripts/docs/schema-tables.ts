import { markdownTable } from '../../src/reporters/markdown-table.ts'
import type { JsonSchema } from './schemas.ts'

/** Markdown tables of a JSON Schema: a section for each object, union and vocabulary. */

const definition = ({ $ref }: JsonSchema): string | undefined => $ref?.replace('#/$defs/', '')

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``

const link = (name: string): string => `[${name}](#${name.toLowerCase()})`

/** `a, b or c`. */
const either = (types: readonly string[]): string =>
  types.length < 2 ? types.join('') : `${types.slice(0, -1).join(', ')} or ${types.at(-1)}`

/** The type of the items of an array or of the values of an object. */
function innerType(schema: JsonSchema): string {
  const text = typeText(schema)
  return text.includes(' or ') ? `(${text})` : text
}

/** The type of a field, with links to the sections of objects. */
export function typeText(schema: JsonSchema): string {
  const name = definition(schema)
  if (name !== undefined) return link(name)
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum) return either(schema.enum.map(code))
  const union = schema.anyOf ?? schema.oneOf
  if (union) return either([...new Set(union.map(typeText))])
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeText).join(', ')}]`
  if (schema.items) return `array of ${innerType(schema.items)}`
  if (typeof schema.additionalProperties === 'object') return `object of ${innerType(schema.additionalProperties)}`
  if (schema.properties) throw new Error(`an object has no id: ${Object.keys(schema.properties).join(', ')}`)
  return schema.type === undefined ? 'any' : either([schema.type].flat())
}

/** A description with links to other pages of docs/reference. */
const linked = (text: string): string => text.replace(/docs\/reference\/([\w-]+\.md)/g, '[$1]($1)')

/** @throws if the field has no description */
function meaning(name: string, { description, default: value }: JsonSchema): string {
  if (description === undefined) throw new Error(`the field ${name} has no description`)
  const text = value === undefined ? description : `${description}. Default: ${code(value)}`
  return linked(text).replaceAll('|', '\\|')
}

const isOptional = ({ required }: JsonSchema, name: string): boolean => !required?.includes(name)

const fieldName = (schema: JsonSchema, name: string): string => `\`${name}${isOptional(schema, name) ? '?' : ''}\``

const fieldTable = (schema: JsonSchema): string[] =>
  markdownTable(
    ['field', 'type', 'meaning'],
    Object.entries(schema.properties ?? {}).map(([name, field]) => [
      fieldName(schema, name),
      typeText(field),
      meaning(name, field),
    ]),
  )

/** A row for each variant, with the fields that it has beside the one that names it. */
function variantTable(variants: readonly JsonSchema[]): string[] {
  const named = (schema: JsonSchema) => Object.entries(schema.properties ?? {})
  const [key] = named(variants[0]!).find(([, field]) => field.const !== undefined || field.enum) ?? []
  if (key === undefined) throw new Error('the variants of a union have no id and no field that names them')
  const rows = variants.flatMap((variant) => {
    const fields = named(variant).filter(([name]) => name !== key)
    const list = fields.map(
      ([name, field]) => `${fieldName(variant, name)} ${typeText(field)}: ${meaning(name, field)}`,
    )
    const field = variant.properties![key]!
    return field.enumDescriptions
      ? field.enumDescriptions.map((text, index) => [code(field.enum![index]), text, list.join('<br>')])
      : [[typeText(field), meaning(key, field), list.join('<br>')]]
  })
  return markdownTable([`\`${key}\``, 'meaning', 'other fields'], rows)
}

/** The sections below a heading: what the object, union or vocabulary has. */
function body(schema: JsonSchema, definitions: Readonly<Record<string, JsonSchema>>): string[] {
  const union = schema.oneOf ?? schema.anyOf
  if (!union && schema.enum) {
    const meanings = schema.enumDescriptions ?? []
    return markdownTable(
      ['value', 'meaning'],
      schema.enum.map((value, index) => [`\`${value}\``, meanings[index]!]),
    )
  }
  if (!union && !schema.properties) return [`Type: ${typeText(schema)}.`]
  if (!union) return fieldTable(schema)
  const names = union.map(definition)
  if (!names.every((name) => name !== undefined)) return variantTable(union)
  return markdownTable(
    ['one of', 'meaning'],
    names.map((name) => [link(name), linked(definitions[name]!.description ?? '')]),
  )
}

/** The names that a schema refers to, in their order. */
function references(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const name = definition(schema as JsonSchema)
  const inner = Object.entries(schema).flatMap(([key, value]) => (key === '$defs' ? [] : references(value)))
  return name === undefined ? inner : [name, ...inner]
}

/** A section for the schema and each definition that it refers to: objects in the order of use, then vocabularies. */
export function schemaSections(title: string, root: JsonSchema): string {
  const definitions = root.$defs ?? {}
  const names: string[] = []
  for (let queue = references(root); queue.length > 0; ) {
    const name = queue.shift()!
    if (names.includes(name)) continue
    names.push(name)
    queue = [...queue, ...references(definitions[name])]
  }
  const isVocabulary = (name: string) => definitions[name]!.enum !== undefined
  const sorted = [...names.filter((name) => !isVocabulary(name)), ...names.filter(isVocabulary)]
  const section = (name: string, schema: JsonSchema) =>
    [
      `## ${name}`,
      '',
      ...(schema.description ? [linked(schema.description), ''] : []),
      ...body(schema, definitions),
    ].join('\n')
  return [section(title, root), ...sorted.map((name) => section(name, definitions[name]!))].join('\n\n')
}
