import { chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFolder } from '../../../src/util/files.ts'
import { giveToOwner } from '../../../src/util/project-owner.ts'

const isRoot = process.getuid?.() === 0
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  mkdirSync(join(root, '.isobench', 'runs'), { recursive: true })
  writeFileSync(join(root, '.isobench', 'runs', 'a.jsonl'), '')
  writeFileSync(join(root, 'elsewhere'), '')
  symlinkSync(join(root, 'elsewhere'), join(root, '.isobench', 'link'))
})
afterEach(() => rmSync(root, { recursive: true }))

const owner = (...path: string[]) => lstatSync(join(root, ...path)).uid

test.runIf(isRoot)("gives root's files in .isobench to the owner of the project, and no target of a link", () => {
  chownSync(root, 4321, 4321)
  giveToOwner(root)
  expect(
    ['.isobench', '.isobench/runs', '.isobench/runs/a.jsonl', '.isobench/link'].map((path) => owner(path)),
  ).toEqual([4321, 4321, 4321, 4321])
  expect(owner('elsewhere')).toBe(0)
})

test('changes nothing if the project belongs to the same user, and needs no .isobench', () => {
  const before = owner('.isobench', 'runs', 'a.jsonl')
  giveToOwner(root)
  expect(owner('.isobench', 'runs', 'a.jsonl')).toBe(before)
  rmSync(join(root, '.isobench'), { recursive: true })
  expect(() => giveToOwner(root)).not.toThrow()
})

test.runIf(isRoot)('a new folder in .isobench belongs to the owner of the project at once, and no other folder', () => {
  rmSync(join(root, '.isobench'), { recursive: true })
  chownSync(root, 4321, 4322)
  makeFolder(join(root, '.isobench', 'runs'))
  makeFolder(join(root, 'reports'))
  expect([owner('.isobench'), owner('.isobench', 'runs'), owner('reports')]).toEqual([4321, 4321, 0])
  expect(lstatSync(join(root, '.isobench', 'runs')).gid).toBe(4322)
})
