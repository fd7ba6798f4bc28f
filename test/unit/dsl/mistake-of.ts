import { DefinitionError } from 'isobench'
import { expect } from 'vitest'
import { collectRegistrations } from '../../../src/dsl/registry.ts'

/** The only problem of what is registered, or what is thrown. */
export async function mistakeOf(register: () => unknown): Promise<DefinitionError> {
  try {
    const { problems } = await collectRegistrations(async () => register())
    expect(problems).toHaveLength(1)
    return problems[0]!
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionError)
    return error as DefinitionError
  }
}
