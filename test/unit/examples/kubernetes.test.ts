/** examples/kubernetes: valid by the published schemas of Kubernetes, and with what isobench needs. It runs nothing. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { detectShard } from '../../../src/core/project/shard-environment.ts'

const require = createRequire(import.meta.url)
const { parseAllDocuments } = require('yaml') as {
  parseAllDocuments(text: string, options: object): { errors: unknown[]; toJS(): Manifest }[]
}

/** Models with the schemas of Kubernetes' OpenAPI document. `validate` throws. */
type Model = new (value: unknown) => { validate(): void }
const load = (name: string) => import(name) as Promise<Record<string, Model>>
const { Job } = (await load('kubernetes-models/batch/v1')) as { Job: Model }
const { PersistentVolumeClaim } = (await load('kubernetes-models/v1')) as { PersistentVolumeClaim: Model }

const root = join(import.meta.dirname, '../../..')

type Manifest = { readonly apiVersion: string; readonly kind: string } & Record<string, unknown>

/** The documents of a file. Kubernetes reads YAML 1.2 without duplicate keys. */
function manifests(name: string): Manifest[] {
  const documents = parseAllDocuments(readFileSync(join(root, 'examples/kubernetes', name), 'utf8'), { strict: true })
  expect(documents.flatMap(({ errors }) => errors)).toEqual([])
  return documents.map((document) => document.toJS())
}

const [claim, job] = manifests('job.yaml')
const [merge] = manifests('merge.yaml')

/** The types say which fields exist. The schemas accept unknown fields, as the API server does without --validate. */
function unknownFields(values: readonly Manifest[]): string[] {
  const types: Record<string, string> = {
    Job: "import('kubernetes-models/batch/v1').IJob",
    PersistentVolumeClaim: "import('kubernetes-models/v1').IPersistentVolumeClaim",
  }
  const file = join(root, 'test/unit/examples/generated.ts')
  const text = values
    .map((value, at) => `export const v${at}: ${types[value.kind]} = ${JSON.stringify(value)}\n`)
    .join('')
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  }
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists } = host
  host.fileExists = (name) => name === file || fileExists(name)
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : getSourceFile(name, ...rest)
  const program = ts.createProgram([file], options, host)
  const source = program.getSourceFile(file)!
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'),
  )
}

const podOf = (value: Manifest | undefined) =>
  (value as unknown as { spec: { template: { spec: Record<string, unknown> & { containers: Container[] } } } }).spec
    .template.spec

interface Container {
  readonly command: readonly string[]
  readonly securityContext: Record<string, unknown>
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

describe('the manifests', () => {
  it('are valid by the published schemas', () => {
    for (const value of [job, merge]) expect(() => new Job(value).validate()).not.toThrow()
    expect(() => new PersistentVolumeClaim(claim).validate()).not.toThrow()
    expect(() => new Job({ ...job, spec: { completions: 'eight' } }).validate()).toThrow()
  })

  it('have no field that Kubernetes does not know', () => {
    expect(unknownFields([claim!, job!, merge!])).toEqual([])
    expect(unknownFields([{ ...job!, spec: { ...(job!.spec as object), completionsMode: 'Indexed' } }])[0]).toContain(
      'completionsMode',
    )
  })

  it('mount every volume of the pod, and no other', () => {
    for (const value of [job, merge]) {
      const { volumes, containers } = podOf(value) as { volumes: { name: string }[]; containers: Container[] }
      const mounted = containers.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name))
      expect(mounted.sort()).toEqual(volumes.map(({ name }) => name).sort())
    }
  })
})

describe('the Indexed Job', () => {
  const { completionMode, completions, parallelism } = job!.spec as Record<string, unknown>
  const pod = podOf(job)
  const [container] = pod.containers as [Container]

  it('gives each pod an index that --shard auto reads', () => {
    expect(completionMode).toBe('Indexed')
    expect(parallelism).toBe(completions)
    expect(container.command).toContain('--shard=auto')
    const last = { JOB_COMPLETION_INDEX: String(Number(completions) - 1) }
    expect(detectShard(last, { count: Number(completions), from: '--plan' })).toMatchObject({ index: completions })
  })

  it('puts one pod on a node, with the privileges that isobench needs, and the merge has none', () => {
    expect(pod.affinity).toMatchObject({
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }] },
    })
    expect(pod.hostPID).toBe(true)
    expect(container.securityContext).toEqual({ privileged: true, runAsUser: 0 })
    expect(podOf(merge).containers[0]!.securityContext).toEqual({ allowPrivilegeEscalation: false })
  })
})
