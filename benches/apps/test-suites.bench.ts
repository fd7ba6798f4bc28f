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
    pythonTests.parse(python.stderr)
    const node = await guest.exec(nodeTests.run())
    nodeTests.parse(node.stdout)
    return { python: python.milliseconds, node: node.milliseconds }
  },
})

bench('test suites', suites, {
  tags: ['app', 'cpu', 'slow'],
  timeout: 300,
  expect: { python: expect.warn.withinNative(25), node: expect.warn.withinNative(25) },
})
