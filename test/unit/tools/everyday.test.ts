import { describe, expect, it } from 'vitest'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { pip } from '../../../src/tools/pip.ts'
import { seeds } from '../../../src/tools/seeds.ts'
import { nodeTests, pythonTests } from '../../../src/tools/test-suites.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture, JUNK } from './fixtures.ts'

describe('pip', () => {
  const installed = fixture('pip-25.1.1-install.txt')

  it('installs below the folder, without network, and only what has the right hash', () => {
    const { argv } = pip.install('/data/packages')
    expect(argv.slice(0, 2)).toEqual(['pip', 'install'])
    expect(argv).toContain('--no-index')
    expect(argv).toContain('--require-hashes')
    // Otherwise pip 25.1.1 reports packages as installed that it has skipped, because the folder has them.
    expect(argv).toContain('--upgrade')
    expect(argv.at(-1)).toBe('--target=/data/packages')
  })

  it('is read', () => {
    expect(pip.parse(installed)).toEqual({ packages: 159 })
    expect(pip.parse('Successfully installed a-1.0 b-c-2.0.1\n')).toEqual({ packages: 2 })
    const skipped = 'WARNING: Target directory /data/a already exists. Specify --upgrade to force replacement.'
    for (const line of ['  error: subprocess-exited-with-error', 'Failed to build a', skipped])
      expect(() => pip.parse(`${line}\nSuccessfully installed a-1.0\n`)).toThrow('it printed an error')
  })

  it.each([
    ['nothing was installed', 'Requirement already satisfied: a==1.0 in ./x\n'],
    ['no package is named', 'Successfully installed\n'],
    ['a name has no version', 'Successfully installed a\n'],
    ['pip failed', 'ERROR: THESE 159 DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n'],
    ['pip failed at the end', 'Successfully installed a-1.0\nERROR: Could not install packages\n'],
    ['there are two reports', 'Successfully installed a-1.0\nSuccessfully installed a-1.0\n'],
  ])('is refused if %s', (_, output) => {
    expect(() => pip.parse(output)).toThrow(ToolOutputError)
  })

  it('is never read from a part', () => {
    expectNoTruncatedFigure(installed.slice(installed.indexOf('Successfully')), pip.parse)
    for (const junk of JUNK) expect(() => pip.parse(junk)).toThrow(ToolOutputError)
  })
})

describe("Python's tests", () => {
  const ok = fixture('python-3.13.5-unittest.txt')

  it('are read', () => {
    expect(pythonTests.run().argv.slice(0, 2)).toEqual(['python3', '-c'])
    expect(pythonTests.parse(ok)).toEqual({ tests: 245, skipped: 0 })
    expect(pythonTests.parse('..\nRan 1 test in 0.001s\n\nOK\n')).toEqual({ tests: 1, skipped: 0 })
  })

  it.each([
    ['one failed', '.F\nRan 2 tests in 0.001s\n\nFAILED (failures=1)\n', /no complete report/],
    ['all were skipped', 'ss\nRan 2 tests in 0.001s\n\nOK (skipped=2)\n', /no test ran/],
    ['none ran', '\nRan 0 tests in 0.000s\n\nOK\n', /no test ran/],
    ['the report is not at the start of a line', 'x Ran 2 tests in 0.001s\n\nOK\n', /no complete report/],
    ['there are two', 'Ran 2 tests in 0.1s\n\nOK\nRan 2 tests in 0.1s\n\nOK\n', /more than one report/],
    ['a crash follows', `${ok}Segmentation fault\n`, /text after the report/],
    ['a traceback follows', `${ok}Traceback (most recent call last):\n  OSError\n`, /text after the report/],
  ])('are refused if %s', (_, output, message) => {
    expect(() => pythonTests.parse(output)).toThrow(message)
    expect(pythonTests.parse(`${ok}\n`)).toEqual(pythonTests.parse(ok))
  })

  it('are never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(ok, pythonTests.parse)
    expectRefusals(ok, '245', pythonTests.parse)
  })
})

describe("Node's tests", () => {
  const ok = fixture('node-20.19.2-test.txt')

  it('are read', () => {
    expect(nodeTests.run().argv).toEqual(['node', '--test', '--test-reporter=tap'])
    expect(nodeTests.parse(ok)).toEqual({ tests: 16, skipped: 0 })
  })

  it('are refused if one failed or was cancelled, or if none ran', () => {
    expect(() => nodeTests.parse(ok.replace('# pass 16', '# pass 3'))).toThrow(/tests did not pass/)
    expect(() => nodeTests.parse(ok.replaceAll('16', '0'))).toThrow(/no test ran/)
    for (const name of ['fail', 'cancelled'])
      expect(() => nodeTests.parse(ok.replace(`# ${name} 0`, `# ${name} 1`))).toThrow(`# ${name} is 1`)
    for (const line of ['not ok 3 - x', '    not ok 1 - x', 'Bail out!'])
      expect(() => nodeTests.parse(`${line}\n${ok}`)).toThrow(`it printed an error: ${line}`)
    expect(nodeTests.parse(`not ok 1 - x # TODO\n${ok}`)).toEqual({ tests: 16, skipped: 0 })
  })

  it('are never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(ok.slice(-200), nodeTests.parse)
    expectRefusals(ok, '16', nodeTests.parse)
  })
})

describe('the seeds', () => {
  it('are used by commands without a shell', () => {
    expect(seeds.unpack('/tmp/files').argv).toEqual([
      'tar',
      '-xzf',
      '/usr/local/share/isobench/files.tar.gz',
      '--no-same-owner',
      '-C',
      '/tmp/files',
    ])
    expect(seeds.compile({ folder: '/data/c', jobs: 2 }).argv).toContain('-j2')
    expect(() => seeds.compile({ folder: '/data/c', jobs: 0 })).toThrow(TypeError)
  })
})
