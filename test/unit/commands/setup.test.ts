import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { showPlan } from '../../../src/commands/setup.ts'
import { fakeHost } from '../../support/fake-driver.ts'
import { fakeRun } from '../../support/fake-project.ts'

test('--dry-run prints names without what a terminal would interpret', () => {
  const host = fakeHost({ native: {}, runc: {} })
  const { plan, platforms, project } = fakeRun(host, {
    'clear\u001b[2J\u202escreen': { run: async () => ({ time: 1 }) },
  })
  rmSync(project.root, { recursive: true })
  const text = showPlan(plan, platforms)
  expect(text).toContain('clear\\x1b[2J')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
})
