import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { ToolOutputError } from '../../../src/tools/parse.ts'

/** What a tool really printed; the name says which tool, version and test. */
export function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/tools/${name}`, import.meta.url), 'utf8')
}

/** Cuts the output at every length. Each piece must be refused, or be read as exactly what the whole is read as. */
export function expectNoTruncatedFigure(output: string, parse: (output: string) => unknown): void {
  const whole = JSON.stringify(parse(output))
  const wrong: string[] = []
  for (let length = 0; length < output.length; length++) {
    const piece = output.slice(0, length)
    try {
      if (JSON.stringify(parse(piece)) !== whole) wrong.push(`${length}: ${piece.slice(-60)}`)
    } catch (error) {
      if (!(error instanceof ToolOutputError)) throw error
    }
  }
  expect(wrong).toEqual([])
}

/** Output that no parser may take a figure from. */
export const JUNK = [
  '',
  '\n',
  '{',
  '{}',
  '{}\n',
  'null',
  '[1]',
  'command not found\n',
  'nan\n',
  '\0\0\0',
  '\x1b[2J\n{"a":1',
]

/** Junk is refused, and so is the output with its figure replaced by something that is not one. */
export function expectRefusals(output: string, figure: string, parse: (output: string) => unknown): void {
  for (const junk of JUNK) expect(() => parse(junk), JSON.stringify(junk)).toThrow(ToolOutputError)
  expect(output).toContain(figure)
  for (const bad of ['-1', '-0.5', 'nan', 'NaN', 'inf', 'Infinity', '1e999', '', '1,5', '0x10', 'null', '"7"']) {
    expect(() => parse(output.replaceAll(figure, bad)), `${figure} → ${bad}`).toThrow(ToolOutputError)
  }
  expect(() => parse(output + output), 'two reports').toThrow(ToolOutputError)
}
