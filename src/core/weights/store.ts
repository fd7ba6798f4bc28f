/** The weights that a project has imported: `.isobench/weights.json`, made of files that isobench does not ship. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { WeightsError } from './csv.ts'
import { weightsSourceSchema } from './source.ts'
import type { Weights } from './weigh.ts'

const schema = z.object({
  version: z.literal(1),
  source: weightsSourceSchema,
  weights: z.record(z.string(), z.number().min(0).max(1)),
})

const fileOf = (root: string) => join(root, '.isobench', 'weights.json')

/** Keeps the weights in the place of former ones, and returns where. */
export function saveWeights(root: string, { source, byFunction }: Weights): string {
  const file = fileOf(root)
  mkdirSync(dirname(file), { recursive: true })
  const weights = Object.fromEntries([...byFunction].sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(file, `${JSON.stringify({ version: 1, source, weights })}\n`)
  return file
}

/** The project's weights, or undefined when none were imported. @throws WeightsError when the file cannot be used. */
export function readWeights(root: string): Weights | undefined {
  const file = fileOf(root)
  if (!existsSync(file)) return undefined
  try {
    const { source, weights } = schema.parse(JSON.parse(readFileSync(file, 'utf8')))
    return { source, byFunction: new Map(Object.entries(weights)) }
  } catch {
    throw new WeightsError(`${file} is damaged`, 'remove it, or make it anew: isobench epss import')
  }
}
