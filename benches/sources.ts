import type { FindingSource } from 'isobench'

/**
 * Newer sources than the paper, for the findings of the series 2026. Constants, for the reason that `paper.ts` states.
 * `test/fixtures/sources/sentences.json` has the sentences that the findings quote.
 */
export const crunReadme = {
  title: 'README of crun, read 2026-11-29',
  url: 'https://github.com/containers/crun',
} satisfies FindingSource

export const firecrackerSpecification = {
  title: 'Specification of Firecracker, read 2026-11-29',
  url: 'https://github.com/firecracker-microvm/firecracker/blob/main/SPECIFICATION.md',
} satisfies FindingSource

export const gkePodSnapshots = {
  title: 'About GKE Pod snapshots, read 2026-11-29',
  url: 'https://docs.cloud.google.com/kubernetes-engine/docs/concepts/pod-snapshots',
} satisfies FindingSource
