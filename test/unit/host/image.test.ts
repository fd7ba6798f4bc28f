import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { keepLog } from '../../../src/host/image.ts'

test.runIf(existsSync('/dev/full'))('a full disk does not replace the error of a failed build', () => {
  expect(keepLog('/dev/full', ['E: no such package'])).toBe(
    '/dev/full cannot be written: the disk is full; build again to see all output',
  )
})
