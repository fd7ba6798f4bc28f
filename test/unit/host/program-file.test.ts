import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { matchesFormat, programProblem } from '../../../src/host/program-file.ts'
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

  it.each([
    ['loong64', 258],
    ['ia32', 3],
    ['mipsel', 8],
    ['riscv64', 243],
  ])('is built for a host of Node.js architecture %s', (arch, machine) => {
    const other = Buffer.from(node.subarray(0, 4096))
    other.writeUInt16LE(machine, 18)
    const before = process.arch
    Object.defineProperty(process, 'arch', { value: arch })
    try {
      expect(problem(put(arch, other))).toBeUndefined()
      expect(problem(put('arm', other.fill(40, 18, 19).fill(0, 19, 20)))).toMatch(
        /^x is built for arm, and this host is/,
      )
    } finally {
      Object.defineProperty(process, 'arch', { value: before })
    }
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

describe('a format of binfmt_misc', () => {
  /** As `qemu-user-static` registers it. */
  const aarch64 =
    'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\n' +
    'magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n'
  /** An ELF header of a program for ARM64, of the kind ET_DYN, which the mask allows. */
  const program = Buffer.from('7f454c460201010300000000000000000300b70001000000', 'hex')

  it('matches the bytes of its magic, as its mask says', () => {
    expect(matchesFormat(aarch64, program, '/opt/runc')).toBe(true)
    expect(matchesFormat(aarch64, node.subarray(0, 64), '/opt/runc')).toBe(false)
    expect(matchesFormat(aarch64, program.subarray(0, 19), '/opt/runc')).toBe(false)
    expect(matchesFormat(aarch64.replace('enabled', 'disabled'), program, '/opt/runc')).toBe(false)
    const shifted = 'enabled\ninterpreter /bin/x\nflags: \noffset 2\nmagic 4c46\n'
    expect([matchesFormat(shifted, program, 'x'), matchesFormat(shifted, Buffer.from('LF__'), 'x')]).toEqual([
      true,
      false,
    ])
  })

  it('matches an extension', () => {
    const java = 'enabled\ninterpreter /usr/bin/jarwrapper\nflags: \nextension .jar\n'
    expect([matchesFormat(java, program, '/opt/runc.jar'), matchesFormat(java, program, '/opt/jar')]).toEqual([
      true,
      false,
    ])
  })
})
