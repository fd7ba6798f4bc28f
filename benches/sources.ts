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

export const gkeRuntimes = {
  title: 'Container isolation runtimes on GKE (agent-sandbox), read 2026-11-30',
  url: 'https://github.com/kubernetes-sigs/agent-sandbox/blob/main/examples/gke-swap/runtimes/README.md',
} satisfies FindingSource

/** The comparison of a provider, as somebody quotes it who could not repeat it. */
export const quotedStartups = {
  title: 'gVisor issue 13182, which quotes the blog of Onidel, read 2026-11-30',
  url: 'https://github.com/google/gvisor/issues/13182',
} satisfies FindingSource
