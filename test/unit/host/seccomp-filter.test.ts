import { describe, expect, it, test } from 'vitest'
import { allowedCalls, auditArchitectures, otherInterfaces } from '../../../src/host/seccomp-filter.ts'
import { dockerSeccomp, seccompProgram } from '../../../src/host/seccomp-profile.ts'
import { parseFilters } from '../../../src/host/seccomp-reader.ts'
import { syscallTable } from '../../../src/host/syscall-names.ts'

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

/** An array of `struct sock_filter`. */
function program(...instructions: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(instructions.length * 8)
  for (const [at, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    bytes.writeUInt16LE(code, at * 8)
    bytes.writeUInt8(ifTrue, at * 8 + 2)
    bytes.writeUInt8(ifFalse, at * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, at * 8 + 4)
  }
  return bytes
}

const x64 = auditArchitectures.x64!
// linux/seccomp.h
const [allow, log, trace, notify, errno, trap, kill] = [
  0x7fff0000, 0x7ffc0000, 0x7ff00000, 0x7fc00000, 0x00050001, 0x00030000, 0x80000000,
]
const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const returns = (value: number): Instruction => [0x06, 0, 0, value]
const jumpEqual = (value: number, yes: number, no: number): Instruction => [0x15, yes, no, value]
const [number, argument] = [0, 16]

/** What filters do with call 7. */
function rule(...filters: Buffer[]): string {
  const found = allowedCalls(filters, [[7, 'poll']], x64)
  return Object.entries(found).find(([, names]) => names.includes('poll'))?.[0] ?? 'denied'
}

describe.each(['x64', 'arm64'])("isobench's profile, which is Docker's, on %s", (arch) => {
  it('allows what the profile for engines allows, and nothing else', () => {
    const table = syscallTable(arch)
    const names = new Set(table.values())
    const { syscalls } = dockerSeccomp()
    const known = (list: readonly string[]) => [...new Set(list)].filter((name) => names.has(name)).sort()
    const always = syscalls.flatMap((one) => ('args' in one || 'errnoRet' in one ? [] : one.names))
    const inPart = syscalls.flatMap((one) => ('args' in one ? one.names : []))
    const found = allowedCalls([seccompProgram(undefined, arch)], table, auditArchitectures[arch]!)
    expect(found).toEqual({ allowed: known(always), conditional: known(inPart), supervised: [] })
    expect(found.conditional).toEqual(['clone', 'personality', 'socket'])
    expect(found.allowed).not.toContain('clone3')
  })
})

describe('a filter', () => {
  test.each([
    ['allow', allow, 'allowed'],
    ['log', log, 'allowed'],
    ['trace', trace, 'supervised'],
    ['notify', notify, 'supervised'],
    ['errno', errno, 'denied'],
    ['trap', trap, 'denied'],
    ['kill', kill, 'denied'],
  ])('that always returns %s', (_, result, expected) => {
    expect(rule(program(returns(result)))).toBe(expected)
  })

  it('cannot allow what another one refuses, in any order', () => {
    const [open, closed, asks] = [program(returns(allow)), program(returns(errno)), program(returns(notify))]
    expect([rule(open, closed), rule(closed, open), rule(open, asks), rule(asks, closed)]).toEqual([
      'denied',
      'denied',
      'supervised',
      'denied',
    ])
    expect(rule()).toBe('allowed')
  })

  it('may depend on an argument', () => {
    const only = (yes: number, no: number) => program(load(argument), jumpEqual(3, 0, 1), returns(yes), returns(no))
    expect(rule(only(allow, errno))).toBe('conditional')
    expect(rule(only(allow, log))).toBe('allowed')
    expect(rule(only(errno, kill))).toBe('denied')
    expect(rule(only(notify, errno))).toBe('supervised')
    expect(rule(only(allow, notify))).toBe('conditional')
  })

  it('may compute with the number of the call', () => {
    // A = (number * 3 + 1) ^ 5, and then the index: 22 ^ 5 = 19.
    const arithmetic = program(
      load(number),
      [0x24, 0, 0, 3],
      [0x04, 0, 0, 1],
      [0xa4, 0, 0, 5],
      [0x07, 0, 0, 0],
      [0x00, 0, 0, 19],
      [0x1d, 0, 1, 0],
      returns(allow),
      returns(errno),
    )
    expect(rule(arithmetic)).toBe('allowed')
  })

  it('keeps values in its memory', () => {
    const cells = program(
      load(number),
      [0x02, 0, 0, 5],
      load(argument),
      [0x60, 0, 0, 5],
      jumpEqual(7, 0, 1),
      returns(allow),
      returns(errno),
    )
    expect(rule(cells)).toBe('allowed')
  })

  it('with a result that an argument decides is conditional', () => {
    expect(rule(program(load(argument), [0x16, 0, 0, 0]))).toBe('conditional')
  })

  it('that divides by zero kills the thread', () => {
    expect(rule(program([0x01, 0, 0, 0], load(number), [0x3c, 0, 0, 0], returns(allow)))).toBe('denied')
  })

  it('with more ways than anybody can follow is conditional, and takes no time', () => {
    // Each of 15 arguments' bits goes into a separate cell, so that every way has other values.
    const bits = Array.from({ length: 15 }, (_, bit): Instruction[] => [
      load(argument),
      [0x45, 0, 2, 2 ** bit],
      [0x00, 0, 0, 1],
      [0x05, 0, 0, 1],
      [0x00, 0, 0, 0],
      [0x02, 0, 0, bit],
    ]).flat()
    expect(rule(program(...bits, ...bits, returns(allow)))).toBe('conditional')
  })

  it('that the kernel would refuse is an error', () => {
    expect(() => rule(program(load(number)))).toThrow(/leaves its program at instruction 1/)
    expect(() => rule(program(load(number), [0xf4, 0, 0, 1], returns(allow)))).toThrow(/unknown code/)
  })
})

describe('the other interfaces of x86-64', () => {
  const architecture = load(4)

  it('are open to a filter that only looks at numbers', () => {
    expect(otherInterfaces([program(load(number), jumpEqual(1, 0, 1), returns(errno), returns(allow))])).toEqual([
      'i386',
      'x32',
    ])
  })

  it('are closed by a filter for 64-bit calls', () => {
    expect(otherInterfaces([seccompProgram(undefined, 'x64')])).toEqual([])
    const both = program(
      architecture,
      jumpEqual(x64, 1, 0),
      returns(kill),
      load(number),
      [0x35, 0, 1, 0x40000000],
      returns(kill),
      returns(allow),
    )
    expect(otherInterfaces([both])).toEqual([])
  })

  it('differ', () => {
    expect(otherInterfaces([program(architecture, jumpEqual(x64, 0, 1), returns(errno), returns(allow))])).toEqual([
      'i386',
    ])
    expect(otherInterfaces([program(architecture, jumpEqual(x64, 1, 0), returns(errno), returns(allow))])).toEqual([
      'x32',
    ])
  })
})

test('reads what the program prints: filters in the order of the kernel, or a problem', () => {
  const text = '12 0 060000000000ff7f\n12 1 060000000000fc7f\n13 error Operation not permitted\nperl: warning\n'
  expect(parseFilters(text)).toEqual(
    new Map([
      [12, { programs: [program(returns(allow)), program(returns(log))] }],
      [13, { problem: 'Operation not permitted' }],
    ]),
  )
})
