import { createInterface } from 'node:readline/promises'
import type { CommandIo } from './command.ts'

/** Asks a person; `undefined` where there is none to ask. */
export async function confirm(question: string, io: CommandIo): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !io.err.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: io.err })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
