import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { script, temporary } from '../host/children.ts'

const { path: folder, remove } = temporary()
afterAll(remove)

beforeAll(async () => {
  await script(
    folder,
    'program',
    `import { spawnSync } from 'node:child_process'
    import { readFileSync, writeFileSync } from 'node:fs'
    import { keepInheritedDescriptors } from './src/util/inherited-descriptors.ts'
    const list = () => spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }).stdout.trim().split('\\n')
    // Descriptor 3 is that of ls.
    const passedOn = () => list().filter((descriptor) => Number(descriptor) > 3)
    const before = passedOn()
    keepInheritedDescriptors()
    const [output, input] = process.argv.slice(2)
    if (output) writeFileSync(output, 'written', { flag: 'a' })
    const read = input && readFileSync(input, 'utf8')
    console.log(JSON.stringify({ before, after: passedOn(), read }))`,
  )
  writeFileSync(join(folder, 'file'), 'text')
  mkdirSync(join(folder, 'folder'))
})

/** Runs the program with these redirections of bash, and returns what it printed. */
const run = (redirections: string, program = 'program.mjs'): Record<string, unknown> =>
  JSON.parse(
    execFileSync('bash', ['-c', `"${process.execPath}" ${program} ${redirections}`], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 20_000,
    }),
  )

it('passes no descriptor of the caller on, whatever it leads to', () => {
  const given = '20<file 21</dev/null 40>>file 99<folder 253<folder'
  const { before, after } = run(given)
  expect(before).toEqual(expect.arrayContaining(['20', '21', '40', '99', '253']))
  expect(after).toEqual([])
})

it('leaves files and pipes of the caller readable and writable by their paths', () => {
  expect(run('/dev/fd/40 /dev/fd/20 20<file 40>>output')).toMatchObject({ after: [], read: 'text' })
  expect(readFileSync(join(folder, 'output'), 'utf8')).toBe('written')
  expect(run('/dev/fd/40 /dev/fd/20 20<file 40>/dev/null')).toMatchObject({ after: [], read: 'text' })
  expect(run('>(cat > written) <(echo piped)')).toMatchObject({ after: [], read: 'piped\n' })
})

it('does not wait for the other end of a pipe that is gone', () => {
  execFileSync('mkfifo', ['fifo'], { cwd: folder })
  // Opened for both, and then only one end is kept.
  const { after } = run('90<&31 91>&32 30<&- 31<&- 32<&-', 'program.mjs 30<>fifo 31<fifo 32>fifo')
  expect(after).toEqual([])
})
