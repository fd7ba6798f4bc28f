import { describe, expect, it } from 'vitest'
import { planChange } from '../../../../src/core/watch/changes.ts'
import { aBench, aClaim, aFinding, benchId } from '../judge/builders.ts'
import { other, snapshot } from './snapshot.ts'

const usual = snapshot()
const withBench = (over: Parameters<typeof aBench>[0]) => snapshot({ benches: [aBench(over), usual.benches[1]!] })

describe('what runs after a change', () => {
  it('is all at first', () => {
    expect(planChange(undefined, usual)).toEqual({ what: 'all' })
  })

  it.each([
    ['the same', snapshot()],
    ['another line', withBench({ location: { file: 'a.bench.ts', line: 9, column: 1 } })],
  ])('is nothing after %s', (_, after) => {
    expect(planChange(usual, after)).toEqual({ what: 'nothing' })
  })

  const claim = aClaim({ kind: 'withinNative', percent: 5 })
  it.each([
    ['a threshold', withBench({ claims: [claim] }), withBench({ claims: [{ ...claim, severity: 'warn' }] })],
    ['a new claim', usual, withBench({ claims: [claim] })],
    ['a finding', usual, snapshot({ findings: [aFinding([claim])] })],
    ['tags of a platform', usual, snapshot({ tags: new Map([['runc', ['x']]]) })],
    ['a bench that went', usual, snapshot({ benches: [usual.benches[0]!] })],
    ['a platform that went', usual, snapshot({ platforms: new Map([...usual.platforms].slice(0, 2)) })],
  ])('is judging after %s', (_, before, after) => {
    expect(planChange(before, after)).toEqual({ what: 'judge' })
  })

  it.each([
    ['its code', withBench({ digest: 'edited' })],
    ['its parameters', withBench({ params: { depth: [1, 2] } })],
    ['its time limit', withBench({ timeout: 3 })],
    ['its lifecycle', withBench({ workload: { name: 'disk', kind: 'commands', lifecycle: 'run' } })],
  ])('is that bench after %s changed', (_, after) => {
    expect(planChange(usual, after)).toEqual({ what: 'measure', benches: [benchId], platforms: [] })
  })

  it('is that bench and that platform when both changed', () => {
    const after = snapshot({
      benches: [usual.benches[0]!, { ...usual.benches[1]!, digest: 'edited' }],
      platforms: new Map([...usual.platforms, ['runc', 'R'], ['crun', 'c']]),
    })
    expect(planChange(usual, after)).toEqual({ what: 'measure', benches: [other], platforms: ['runc', 'crun'] })
  })

  it.each([
    ['the guest', snapshot({ guest: { cpus: 2, memoryBytes: 1024 } })],
    ['the image', snapshot({ image: { packages: ['jq'] } })],
    ['the length of a sample', snapshot({ profile: { ...usual.profile, seconds: 2 } })],
    ['native', snapshot({ platforms: new Map([...usual.platforms, ['native', 'N']]) })],
  ])('is all after %s changed', (_, after) => {
    expect(planChange(usual, after)).toEqual({ what: 'all' })
  })
})
