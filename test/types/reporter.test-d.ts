import { defineConfig, platform } from 'isobench'
import { defineReporter, type Report, type Reporter, type ReporterContext } from 'isobench/reporter'
import { describe, expectTypeOf, it } from 'vitest'

describe('a reporter', () => {
  it('gets the context, its options and the report', () => {
    defineReporter({
      name: 'failures',
      description: 'one line per claim that fails the run',
      create(context, { prefix = '' }: { readonly prefix?: string }): Reporter {
        expectTypeOf(context).toEqualTypeOf<ReporterContext>()
        return {
          onFinish(report) {
            expectTypeOf(report).toEqualTypeOf<Report>()
            context.out.write(prefix)
          },
        }
      },
    })
    // @ts-expect-error it creates nothing
    defineReporter({ name: 'empty', description: 'no reporter' })
  })

  it('is selected in the config by name, or by path with options', () => {
    const platforms = [platform('native')]
    defineConfig({
      platforms,
      reporters: ['default', 'html=report.html', './mine.ts', ['./mine.ts', { prefix: '- ' }]],
    })
    // @ts-expect-error options are an object
    defineConfig({ platforms, reporters: [['./mine.ts', 5]] })
  })
})
