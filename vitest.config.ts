import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { SkipReporter } from './test/e2e/support/skip-reporter.ts'

const alias = {
  'isobench/driver': fileURLToPath(new URL('./src/driver-api.ts', import.meta.url)),
  'isobench/node': fileURLToPath(new URL('./src/node.ts', import.meta.url)),
  'isobench/reporter': fileURLToPath(new URL('./src/reporter.ts', import.meta.url)),
  'isobench/tools': fileURLToPath(new URL('./src/tools/index.ts', import.meta.url)),
  isobench: fileURLToPath(new URL('./src/index.ts', import.meta.url)),
}

export default defineConfig({
  test: {
    reporters: ['default', new SkipReporter()],
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          // Releases that are provisioned on this host must not change what drivers find.
          env: { ISOBENCH_HOME: '/nonexistent/isobench' },
          // A guard against tests that hang. It is generous because hosts of CI are slow.
          testTimeout: 30_000,
          // Vitest leaves one CPU free by default, and its own process needs little.
          maxWorkers: '100%',
          include: ['test/unit/**/*.test.ts'],
          typecheck: {
            enabled: true,
            only: false,
            include: ['test/types/**/*.test-d.ts'],
            // Only these files and what they import: `npm run typecheck` checks the others.
            tsconfig: './test/types/tsconfig.json',
          },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          // Of the tests that measure nothing: as many as the CPUs of CI.
          maxConcurrency: 2,
        },
      },
      {
        // Hours, in a VM with emulated CPUs: `npm run test:vm`.
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          testTimeout: 6_000_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        resolve: { alias },
        test: { name: 'calibration', include: ['test/calibration/**/*.test.ts'], testTimeout: 3_600_000 },
      },
    ],
  },
})
