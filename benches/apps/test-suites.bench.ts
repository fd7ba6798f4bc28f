import { bench, expect, lower, workload } from 'isobench'
import { nodeTests, pythonTests } from 'isobench/tools'

/**
 * Runs tests of Python's standard library, and tests for Node.js's test runner. The Python tests run in one process.
 * The runner of Node.js starts a process for each of 8 files, which loads modules from the root.
 */
const suites = workload('test suites', {
  metrics: { python: lower('ms'), node: lower('ms') },
  async run({ guest }) {
    const python = await guest.exec(pythonTests.run())
    const node = await guest.exec(nodeTests.run())
    for (const { tests, skipped } of [pythonTests.parse(python.stderr), nodeTests.parse(node.stdout)]) {
      // A platform on which tests are skipped would be faster.
      if (skipped > 0) throw new Error(`${skipped} of ${tests} tests were skipped`)
    }
    return { python: python.milliseconds, node: node.milliseconds }
  },
})

bench('test suites', suites, {
  tags: ['app', 'cpu', 'slow'],
  timeout: 300,
  expect: { python: expect.warn.withinNative(25), node: expect.warn.withinNative(25) },
})
