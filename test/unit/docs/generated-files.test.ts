import { existsSync, readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { expect, test } from 'vitest'
import { generatedFiles } from '../../../scripts/docs/generated-files.ts'
import { typeText } from '../../../scripts/docs/schema-tables.ts'

const files = Object.entries(generatedFiles())

test.each(files)('%s is what `npm run docs` writes', (file, text) => {
  expect(existsSync(file), `${file} is missing`).toBe(true)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

test.each(files.filter(([file]) => file.endsWith('.md')))('%s has no table without rows', (_file, text) => {
  expect(text).not.toMatch(/^\|[ |:-]+\|\n(?!\|)/m)
})

test('schemas/ has no other files', () => {
  const schemas = files.map(([file]) => file).filter((file) => file.startsWith('schemas/'))
  expect(globSync('schemas/**').sort()).toEqual(schemas.sort())
})

test('types are written as people say them', () => {
  expect(typeText({ type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'number' }] } })).toBe(
    'array of (string or number)',
  )
  expect(typeText({ anyOf: [{ $ref: '#/$defs/Cpu' }, { type: 'null' }] })).toBe('[Cpu](#cpu) or null')
  expect(typeText({ enum: ['a', 'b', 'c'] })).toBe('`"a"`, `"b"` or `"c"`')
  expect(() => typeText({ type: 'object', properties: { a: {} } })).toThrow('an object has no id: a')
})
