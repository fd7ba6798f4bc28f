import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { script, temporary, until } from '../host/children.ts'

const folder = temporary()
afterAll(() => folder.remove())

it('a process in the background ends with its own code after its terminal was closed', async () => {
  const program = await script(
    folder.path,
    'background',
    `import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
    import { endProcess, handleStrayErrors } from './src/util/stray-errors.ts'
    handleStrayErrors(() => {})
    setInterval(() => existsSync('closed') && endProcess(() => 3), 5)
    writeFileSync('started', '')`,
  )
  const shell = join(folder.path, 'background.sh')
  // In another session, so that the kernel sends it no SIGHUP. Its three descriptors are the terminal.
  writeFileSync(
    shell,
    `terminal=$(tty)
    setsid sh -c '"$0" "$1" < "$2" > "$2" 2> "$2"; echo $? > code.part; mv code.part code' \
    '${process.execPath}' '${program}' "$terminal" & wait`,
  )
  const terminal = spawn('script', ['-qc', `sh '${shell}'`, 'typescript'], { cwd: folder.path, stdio: 'pipe' })
  await until(() => existsSync(join(folder.path, 'started')))
  const exited = once(terminal, 'exit')
  terminal.kill('SIGKILL')
  await exited
  writeFileSync(join(folder.path, 'closed'), '')
  const code = join(folder.path, 'code')
  await until(() => existsSync(code))
  expect(readFileSync(code, 'utf8')).toBe('3\n')
})

it('a process of a closed terminal ends by SIGHUP after its exit listeners, and Node.js does not abort', async () => {
  const program = await script(
    folder.path,
    'program',
    `import { writeFileSync } from 'node:fs'
    import { endProcess, handleStrayErrors } from './src/util/stray-errors.ts'
    handleStrayErrors(() => {})
    process.on('SIGHUP', () => endProcess(() => 130))
    process.once('exit', () => writeFileSync('listened', ''))
    setInterval(() => {}, 1000)
    writeFileSync('ready', '')`,
  )
  const shell = join(folder.path, 'shell.sh')
  // The kernel sends SIGHUP to the shell only. The signal interrupts its first wait.
  writeFileSync(
    shell,
    `'${process.execPath}' '${program}' & trap 'kill -HUP $!' HUP
    wait $!; wait $!; echo $? > status.part; mv status.part status`,
  )
  const terminal = spawn('script', ['-qc', `sh '${shell}'`, 'typescript'], { cwd: folder.path, stdio: 'pipe' })
  await until(() => existsSync(join(folder.path, 'ready')))
  terminal.kill('SIGKILL')
  const status = join(folder.path, 'status')
  await until(() => existsSync(status))
  expect(readFileSync(status, 'utf8')).toBe(`${128 + 1}\n`)
  expect(existsSync(join(folder.path, 'listened'))).toBe(true)
})
