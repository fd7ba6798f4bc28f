import { type Command, command } from './command.ts'
import { labelledNumber, onlyMatch, refuseErrorLine, ToolOutputError } from './parse.ts'
import { seedsFolder } from './seeds.ts'

/**
 * Test suites of the image. For Python: the doctests of modules of its standard library, and whether modules survive
 * parsing and unparsing, as in CPython's test_unparse. CPython's own suite would make the image 60 MB larger. For
 * Node.js: tests that parse and compress the code of Debian's Node.js packages, in 8 files for Node's test runner.
 * Formats: unittest's TextTestRunner (Lib/unittest/runner.py), and Node's TAP reporter (lib/internal/test_runner).
 */

export interface TestCounts {
  /** Number of tests, the skipped ones included. None failed. */
  tests: number
  /** Number of skipped tests. */
  skipped: number
}

/** Modules with doctests that need nothing else and print the same everywhere. */
const modules = ['collections', 'difflib', 'doctest', 'enum', 'pickletools', 'statistics', 'typing']

const script = `
import ast, doctest, glob, importlib, os, sys, unittest

class Unparse(unittest.TestCase):
    pass

def unparse(path):
    def test(self):
        with open(path, 'rb') as file:
            tree = ast.parse(file.read())
        self.assertEqual(ast.dump(ast.parse(ast.unparse(tree))), ast.dump(tree))
    return test

for path in sorted(glob.glob(os.path.dirname(os.__file__) + '/[a-z]*.py')):
    setattr(Unparse, 'test_' + os.path.basename(path), unparse(path))
suite = unittest.defaultTestLoader.loadTestsFromTestCase(Unparse)
suite.addTests(doctest.DocTestSuite(importlib.import_module(name)) for name in sys.argv[1:])
sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
`

/** Tests of Python's standard library, and the parser of their output. */
export const pythonTests = {
  run: (): Command => command('python3', '-c', script, ...modules),

  /** @throws {ToolOutputError} unless stderr ends with exactly one report, in which no test failed */
  parse(stderr: string): TestCounts {
    const report = /^Ran (\d+) tests? in \d+\.\d+s\n\nOK(?: \(skipped=(\d+)\))?\n/gm
    const [text, tests, skipped] = onlyMatch('unittest', stderr, report, 'report without a failure')
    if (!stderr.trimEnd().endsWith(text!.trimEnd()))
      throw new ToolOutputError('unittest', 'text after the report, so Python failed at its end', stderr)
    return passed('unittest', stderr, Number(tests), Number(skipped ?? 0))
  },
}

/** Tests for Node's test runner, and the parser of their output. */
export const nodeTests = {
  /** The runner starts a process for each of 8 files, and as many at a time as there are CPUs less one. */
  run: (): Command => ({ ...command('node', '--test', '--test-reporter=tap'), cwd: `${seedsFolder}/node-tests` }),

  /** @throws {ToolOutputError} unless stdout has exactly one summary, in which no test failed or was cancelled */
  parse(stdout: string): TestCounts {
    // Tests marked as TODO may fail.
    refuseErrorLine('node --test', stdout, /^ *(?:not ok \d+(?!.*# TODO\b)|Bail out!)/m)
    const [tests, pass, skipped] = ['tests', 'pass', 'skipped'].map((name) =>
      labelledNumber('node --test', stdout, `# ${name}`),
    ) as [number, number, number]
    // An `after` hook that fails leaves all tests passed.
    for (const name of ['fail', 'cancelled']) {
      const count = labelledNumber('node --test', stdout, `# ${name}`)
      if (count > 0) throw new ToolOutputError('node --test', `# ${name} is ${count}`, stdout)
    }
    if (pass + skipped !== tests)
      throw new ToolOutputError('node --test', `${tests - pass - skipped} of ${tests} tests did not pass`, stdout)
    return passed('node --test', stdout, tests, skipped)
  },
}

function passed(tool: string, output: string, tests: number, skipped: number): TestCounts {
  if (tests > skipped) return { tests, skipped }
  throw new ToolOutputError(tool, 'no test ran', output)
}
