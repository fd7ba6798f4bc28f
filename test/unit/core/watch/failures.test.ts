import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compile } from '../../../../src/core/project/compile.ts'
import { errorLocation } from '../../../../src/core/project/error-location.ts'
import { FailureReader } from '../../../../src/core/watch/failures.ts'
import { CommandError } from '../../../../src/host/timed-process.ts'
import { aPlan, aSample, withError } from '../judge/builders.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'isobench-failures-'))
})
afterEach(() => rmSync(root, { recursive: true }))

const source = `interface Wide { readonly a: number }

export function work(value: Wide): never {
  const doubled: number = value.a * 2
  throw new Error(\`kaputt \${doubled}\`)
}
`

describe('where a bench throws', () => {
  /** The error of a compiled module, which Node has loaded without source maps. */
  async function thrown(): Promise<Error> {
    writeFileSync(join(root, 'a.bench.ts'), source)
    const result = await compile(root, 'a.bench.ts')
    if (!result.ok) throw new Error('it does not compile')
    const enabled = process.sourceMapsEnabled
    process.setSourceMapsEnabled(false)
    try {
      const { work } = await import(/* @vite-ignore */ `${pathToFileURL(result.compiled.output).href}?digest`)
      return work({ a: 1 })
    } catch (error) {
      void (error as Error).stack
      return error as Error
    } finally {
      process.setSourceMapsEnabled(enabled)
    }
  }

  it('is a position in the source', async () => {
    expect(errorLocation(await thrown(), root)).toEqual({ file: join(root, 'a.bench.ts'), line: 5, column: 9 })
  })

  it('is unknown for errors of isobench and of other code', async () => {
    const error = await thrown()
    expect(errorLocation(error, join(root, 'elsewhere'))).toBeUndefined()
    expect(errorLocation(new CommandError('exit code 1'), root)).toBeUndefined()
    expect(errorLocation('text', root)).toBeUndefined()
    rmSync(join(root, 'a.bench.ts'))
    expect(errorLocation(error, root)).toBeUndefined()
  })
})

describe('failures', () => {
  const failed = (platform: string, round: number, message = 'kaputt') => {
    const { outcome } = withError(message)
    return aSample(platform, round, {
      outcome: { ...outcome, location: { file: join(root, 'a.bench.ts'), line: 2, column: 3 } } as typeof outcome,
    })
  }
  const read = (reader: FailureReader, samples: Parameters<FailureReader['read']>[0]['samples']) =>
    reader.read({ plan: aPlan(), samples }, root)

  it('that are alike are one, on all platforms', () => {
    writeFileSync(join(root, 'a.bench.ts'), 'a\nb\nc\n')
    const samples = [failed('native', 0), failed('runc', 0), failed('runc', 1), aSample('gvisor', 0)]
    expect(read(new FailureReader(), samples)).toEqual([
      {
        bench: { id: 'a.bench.ts#disk', file: 'a.bench.ts', name: 'disk' },
        case: 'a.bench.ts#disk',
        message: 'kaputt',
        location: { file: 'a.bench.ts', line: 2, column: 3 },
        excerpt: { line: 2, column: 3, lines: ['a', 'b'] },
        platforms: [
          { name: 'native', samples: 1 },
          { name: 'runc', samples: 2 },
        ],
      },
    ])
  })

  it('are alike if only the name of the platform differs', () => {
    const samples = ['native', 'runc'].map((name) => aSample(name, 0, withError(`sh in ${name}: exit code 2`)))
    const [failure, ...others] = read(new FailureReader(), samples)
    expect(others).toEqual([])
    expect(failure).toMatchObject({ message: 'sh in native: exit code 2', location: undefined, excerpt: undefined })
  })

  it('keep the lines that threw while the author edits the file', () => {
    writeFileSync(join(root, 'a.bench.ts'), 'a\nb\nc\n')
    const reader = new FailureReader()
    const sample = failed('native', 0)
    read(reader, [sample])
    writeFileSync(join(root, 'a.bench.ts'), 'edited\n')
    expect(read(reader, [sample])[0]!.excerpt!.lines).toEqual(['a', 'b'])
    rmSync(join(root, 'a.bench.ts'))
    expect(read(new FailureReader(), [failed('native', 1)])[0]!.excerpt).toBeUndefined()
  })
})
