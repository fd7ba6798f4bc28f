import { expect, test } from 'vitest'
import { publicCommandLine } from '../../../../src/core/session/kernel-command-line.ts'

test('keeps what changes figures, and hides the values of all other parameters', () => {
  expect(
    publicCommandLine(
      'BOOT_IMAGE=/vmlinuz root=UUID=1234 ro quiet mitigations=off isolcpus=1-3 vault.token=s3cret password="a b" x=',
    ),
  ).toBe(
    'BOOT_IMAGE=<hidden> root=<hidden> ro quiet mitigations=off isolcpus=1-3 vault.token=<hidden> password=<hidden> ' +
      'x=<hidden>',
  )
})

test('hides a quoted parameter as a whole, and what goes to the first process', () => {
  expect(publicCommandLine('"token=a b" nosmt -- single s3cret')).toBe('token=<hidden> nosmt -- <hidden>')
})

test('hides a word that is no name of a parameter', () => {
  expect(publicCommandLine('Zm9vYmFyCg== ghp_AbC123 splash')).toBe('Zm9vYmFyCg=<hidden> <hidden> splash')
})

test('treats dashes and underscores in names as equal, as the kernel does', () => {
  expect(publicCommandLine('transparent-hugepage=never spec-store-bypass-disable=on')).toBe(
    'transparent-hugepage=never spec-store-bypass-disable=on',
  )
})
