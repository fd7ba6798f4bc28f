import { describe, expect, it, test } from 'vitest'
import { syscallNumber } from '../../../../src/host/syscall-names.ts'
import { ociSeccomp, seccompProgram } from '../../../../src/platforms/shared/seccomp-profile.ts'

const x64 = 0xc000003e

/** Runs a classic BPF program as the kernel does (kernel/bpf/core.c), on a `struct seccomp_data`. */
function run(program: Buffer, number: number, argument = 0n, architecture = x64): string {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number >>> 0, 0)
  data.writeUInt32LE(architecture, 4)
  data.writeBigUInt64LE(argument, 16)
  let accumulator = 0
  for (let at = 0; at < program.length / 8; at++) {
    const [code, yes, no] = [program.readUInt16LE(at * 8), program[at * 8 + 2]!, program[at * 8 + 3]!]
    const value = program.readUInt32LE(at * 8 + 4)
    if (code === 0x06) return value === 0x7fff0000 ? 'allowed' : `error ${value & 0xffff}`
    if (code === 0x20) accumulator = data.readUInt32LE(value)
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0
    else if (code === 0x05) at += value
    else if (code === 0x15) at += accumulator === value ? yes : no
    else if (code === 0x35) at += accumulator >= value ? yes : no
    else throw new Error(`unknown instruction ${code}`)
  }
  throw new Error('the program has no result')
}

describe.runIf(process.arch === 'x64')('the seccomp program', () => {
  const program = seccompProgram()!
  const call = (name: string, argument?: bigint) => run(program, syscallNumber(name)!, argument)

  it('gives every system call what the profile for OCI runtimes gives it', () => {
    const { syscalls } = ociSeccomp()
    const always = new Set(
      syscalls.filter((one) => !('args' in one)).flatMap((one) => ('errnoRet' in one ? [] : one.names)),
    )
    const depends = ['clone', 'personality', 'socket', 'clone3']
    for (let number = 0; number < 480; number++) {
      const name = [...always, ...depends].find((one) => syscallNumber(one) === number)
      if (name !== undefined && depends.includes(name)) continue
      const seen = run(program, number)
      expect(seen, `system call ${number}, ${name}`).toBe(
        name !== undefined ? 'allowed' : number > syscallNumber('removexattrat')! ? 'error 38' : 'error 1',
      )
    }
  })

  test.each([
    ['read', undefined, 'allowed'],
    ['io_pgetevents', undefined, 'allowed'],
    ['mount', undefined, 'error 1'],
    ['bpf', undefined, 'error 1'],
    ['io_uring_setup', undefined, 'error 1'],
    ['clone3', undefined, 'error 38'],
    ['clone', 0x01200011n, 'allowed'],
    ['clone', 0x10000000n, 'error 1'],
    ['personality', 0x20008n, 'allowed'],
    ['personality', 0x40000n, 'error 1'],
    ['socket', 2n, 'allowed'],
    ['socket', 40n, 'error 1'],
  ] as const)('%s with %s: %s', (name, argument, result) => {
    expect(call(name, argument)).toBe(result)
  })

  it('lets calls of 32-bit programs, of x32 and of later kernels fail as if the kernel lacked them', () => {
    expect(run(program, 3, 0n, 0x40000003)).toBe('error 38')
    expect(run(program, 0x40000000)).toBe('error 38')
    expect(run(program, 4000)).toBe('error 38')
  })
})

it('has a name for each call of the profile that x86-64 has, and no call twice', () => {
  const names = ociSeccomp()
    .syscalls.filter((one) => !('args' in one))
    .flatMap((one) => one.names)
  expect(new Set(names).size).toBe(names.length)
  if (process.arch === 'x64') expect(names.filter((name) => syscallNumber(name) === undefined)).toEqual([])
})
