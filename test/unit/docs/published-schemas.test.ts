import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import config from '../../../isobench.config.ts'
import { jsonSchema, type SchemaName } from '../../../scripts/docs/schemas.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'

/** The published JSON Schemas, checked by a validator that is not zod. */

function validator(schema: object) {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictTuples: false, allowUnionTypes: true })
  ajv.addVocabulary(['enumDescriptions'])
  const validate = ajv.compile(schema)
  return (value: unknown): string[] =>
    validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

const published = (name: SchemaName) => validator(JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8')))

/** The schema without the room for fields of later versions: it finds a field that the reference page does not have. */
const exact = (name: SchemaName) => validator(jsonSchema(name, false))

const recordFile = 'test/fixtures/records/prime-latency-boot.jsonl'

const readLines = () =>
  readFileSync(recordFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test.each(['config', 'record', 'report', 'import', 'fleet'])('isobench/schema/%s.json is exported', (name) => {
  const file = createRequire(import.meta.url).resolve(`isobench/schema/${name}.json`)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(jsonSchema(name as SchemaName))
})

test('the config of this repository', () => {
  const validate = published('config')
  const plain = JSON.parse(JSON.stringify(config))
  expect(validate(plain)).toEqual([])
  expect(validate({ ...plain, guest: { memory: '1 GiB' } })).toEqual([
    '/guest/memory must match pattern "^[1-9]\\d*(MiB|GiB)$"',
  ])
  expect(validate({ ...plain, platfroms: [] })).toEqual([' must NOT have additional properties'])
})

test('every line of a real run record', () => {
  const [validate, validateExactly] = [published('record'), exact('record')]
  const lines = readLines()
  expect(lines.length).toBeGreaterThan(100)
  expect(lines.flatMap(validate)).toEqual([])
  expect(lines.flatMap(validateExactly)).toEqual([])
})

test('a line of a later version may have more fields, but none less', () => {
  const validate = published('record')
  const { sample } = readLines().find(({ type }) => type === 'sample')
  expect(validate({ type: 'sample', sample: { ...sample, later: 1 } })).toEqual([])
  const { wallMs: _, ...rest } = sample
  expect(validate({ type: 'sample', sample: rest })).toContain("/sample must have required property 'wallMs'")
  expect(validate({ type: 'sample', sample: { ...sample, wallMs: '12' } })).toContain('/sample/wallMs must be number')
  const outcome = { ...sample.outcome, error: 'it broke' }
  expect(validate({ type: 'sample', sample: { ...sample, outcome } })).toContain(
    '/sample/outcome must NOT have additional properties',
  )
})

test('the report of a real run record', () => {
  const [validate, validateExactly] = [published('report'), exact('report')]
  const report = JSON.parse(JSON.stringify(buildReport(readRecord(recordFile), { strict: true })))
  expect(report.claims.length).toBeGreaterThan(5)
  expect(validate(report)).toEqual([])
  expect(validateExactly(report)).toEqual([])
  expect(validate({ ...report, later: 1 })).toEqual([])
  expect(validateExactly({ ...report, later: 1 })).toEqual([' must NOT have additional properties'])
  const { exit: _, ...rest } = report
  expect(validate(rest)).toEqual([" must have required property 'exit'"])
})

test('an import', () => {
  const validate = published('import')
  const set = { platform: 'kata', bench: 'boot', metric: 'duration', unit: 's' }
  const file = (values: unknown) => ({
    $schema: './import.schema.json',
    isobench: 'import',
    version: 1,
    source: 'our lab',
    samples: [{ ...set, values }],
  })
  expect(validate(file([0.61, 0.63]))).toEqual([])
  expect(validate(file([{ round: 0, value: 0.61 }]))).toEqual([])
  expect(validate(file([-1]))).toContain('/samples/0/values/0 must be >= 0')
  expect(validate({ ...file([1]), lab: 'ours' })).toEqual([' must NOT have additional properties'])
})
