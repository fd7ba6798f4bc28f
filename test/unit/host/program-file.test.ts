import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { programProblem } from '../../../src/host/program-file.ts'
import { hostArch } from '../../../src/host/releases/release.ts'
import { temporary } from './children.ts'

const folder = temporary()
afterAll(() => folder.remove())

const put = (name: string, contents: string | Buffer, mode = 0o755): string => {
  const path = join(folder.path, name)
  writeFileSync(path, contents, { mode })
  chmodSync(path, mode)
  return path
}
const problem = (path: string) => programProblem(path, 'x')
/** This Node.js: an ELF program with a dynamic loader. */
const node = readFileSync(process.execPath)

describe('a file that should be a program', () => {
  it('is one if the kernel can run it', () => {
    expect(programProblem(process.execPath)).toBeUndefined()
    expect(problem(put('script', '#! /bin/sh -e\nexit 0\n'))).toBeUndefined()
    const link = join(folder.path, 'link')
    symlinkSync(process.execPath, link)
    expect(problem(link)).toBeUndefined()
  })

  it('says what it is instead', () => {
    expect(problem(join(folder.path, 'none'))).toBe('there is no program at x')
    expect(programProblem('/etc/passwd/runc')).toBe('there is no program at /etc/passwd/runc')
    mkdirSync(join(folder.path, 'dir'))
    expect(problem(join(folder.path, 'dir'))).toBe('x is a folder')
    expect(problem('/dev/zero')).toBe('x is no regular file')
    const dangling = join(folder.path, 'dangling')
    symlinkSync('/no/such\nprogram', dangling)
    expect(problem(dangling)).toMatch(/^x is a link to \/no\/such.program, and there is no file$/)
    const circle = join(folder.path, 'circle')
    symlinkSync(circle, circle)
    expect(problem(circle)).toMatch(/^x is a link to .*circle, and there is no file$/)
    copyFileSync(process.execPath, join(folder.path, 'plain'))
    chmodSync(join(folder.path, 'plain'), 0o644)
    expect(problem(join(folder.path, 'plain'))).toBe('x is not executable (chmod +x)')
    expect(problem(put('empty', ''))).toBe('x is empty')
    for (const text of ['hello\n', '#!\n', '#!'])
      expect(problem(put('text', text))).toBe('x is neither an ELF program nor a script with "#!"')
  })

  it('names the architecture that it is built for', () => {
    const other = Buffer.from(node.subarray(0, 4096))
    other.writeUInt16LE(243, 18)
    expect(problem(put('riscv', other))).toBe(`x is built for riscv64, and this host is ${hostArch()}`)
    other.writeUInt16LE(4711, 18)
    expect(problem(put('unknown', other))).toBe(`x is built for the machine 4711, and this host is ${hostArch()}`)
  })

  it('names the interpreter that is missing, also one of an ELF program', () => {
    const missing = (name: string) => `x needs the interpreter ${name}, which this host does not have`
    expect(problem(put('python', '#!/no/such/python3 -u\n'))).toBe(missing('/no/such/python3'))
    const at = node.indexOf('/ld-linux-')
    expect([at > 0, at < 4096]).toEqual([true, true])
    const musl = Buffer.from(node.subarray(0, 4096))
    musl.write('/ld-other-', at)
    expect(problem(put('musl', musl))).toMatch(/^x needs the interpreter \/\S*\/ld-other-\S+, which this host does not/)
    // A header that lies about its offsets is no reason to refuse.
    const wrong = Buffer.from(node.subarray(0, 4096))
    wrong.writeBigUInt64LE(2n ** 63n, 32)
    expect(problem(put('wrong', wrong))).toBeUndefined()
  })
})
