/**
 * The calls of the driver of Kubernetes, with the real kubectl, against a stand-in of an API server on the loopback
 * address. The stand-in refuses `kubectl exec`, which needs a node.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { which } from '../../src/host/packages.ts'
import { type HostArgv, runHostCommand } from '../../src/host/process.ts'
import { kubernetes, podManifest } from '../../src/platforms/kubernetes.ts'
import { serve, type TestServer } from '../support/loopback.ts'
import { fakeSandbox } from '../unit/platforms/fake-sandbox.ts'
import { describeUnless } from './support/skip.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-kubernetes-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Pod {
  readonly metadata: { readonly name: string }
  readonly status?: object
}

interface Cluster extends TestServer {
  readonly pods: Map<string, Pod>
  /** The requests with their bodies, without those that ask which resources there are. */
  readonly calls: { readonly method: string; readonly url: URL; readonly body: unknown }[]
}

const ready = { phase: 'Running', podIP: '10.1.2.3', conditions: [{ type: 'Ready', status: 'True' }] }

const resource = (name: string, kind: string, namespaced: boolean) => ({
  name,
  singularName: '',
  kind,
  namespaced,
  verbs: ['create', 'delete', 'get', 'list', 'watch'],
})

/** What does not change: which resources there are. */
const discovery: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '33', gitVersion: 'v1.33.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources: [resource('pods', 'Pod', true)] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: ['node.k8s.io', 'authorization.k8s.io'].map((name) => {
      const version = { groupVersion: `${name}/v1`, version: 'v1' }
      return { name, versions: [version], preferredVersion: version }
    }),
  },
  '/apis/node.k8s.io/v1': {
    kind: 'APIResourceList',
    groupVersion: 'node.k8s.io/v1',
    resources: [resource('runtimeclasses', 'RuntimeClass', false)],
  },
  '/apis/authorization.k8s.io/v1': {
    kind: 'APIResourceList',
    groupVersion: 'authorization.k8s.io/v1',
    resources: [resource('selfsubjectaccessreviews', 'SelfSubjectAccessReview', false)],
  },
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

const failure = (code: number, reason: string, message: string) => ({
  code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
})

interface ClusterOptions {
  /** The status of a Pod after it was created. */
  readonly status?: object
  /** @param question the review of a permission, in Protobuf or JSON */
  readonly isAllowed?: (question: string) => boolean
}

/** Starts the stand-in: the Pods of one namespace, one RuntimeClass, and permissions. */
async function startCluster({ status = ready, isAllowed = () => true }: ClusterOptions = {}): Promise<Cluster> {
  const pods: Cluster['pods'] = new Map()
  const calls: Cluster['calls'] = []
  const answer = (method: string, url: URL, text: string): { code: number; body: object } => {
    const known = discovery[url.pathname]
    if (known) return { code: 200, body: known }
    const body: unknown = text.startsWith('{') ? JSON.parse(text) : undefined
    calls.push({ method, url, body })
    const [, name, action] = /^\/api\/v1\/namespaces\/bench\/pods(?:\/([^/]+))?(?:\/(.+))?$/.exec(url.pathname) ?? []
    if (url.pathname.endsWith('/selfsubjectaccessreviews')) {
      const status = { allowed: isAllowed(text) }
      return {
        code: 201,
        body: { kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', spec: {}, status },
      }
    }
    if (url.pathname === '/apis/node.k8s.io/v1/runtimeclasses/gvisor')
      return {
        code: 200,
        body: { kind: 'RuntimeClass', apiVersion: 'node.k8s.io/v1', metadata: { name: 'gvisor' }, handler: 'runsc' },
      }
    if (!url.pathname.startsWith('/api/v1/namespaces/bench/pods')) {
      const [group, other] = url.pathname.split('/').slice(-2)
      return failure(404, 'NotFound', `${group}.node.k8s.io "${other}" not found`)
    }
    if (action === 'exec') return failure(403, 'Forbidden', 'the stand-in has no node')
    if (method === 'POST') {
      const pod = { ...(body as Pod), status }
      pods.set(pod.metadata.name, pod)
      return { code: 201, body: pod }
    }
    if (name === undefined) {
      const wanted = url.searchParams.get('fieldSelector')?.replace('metadata.name=', '')
      const items = [...pods.values()].filter(({ metadata }) => metadata.name === wanted)
      return { code: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items } }
    }
    const pod = pods.get(name)
    if (!pod) return failure(404, 'NotFound', `pods "${name}" not found`)
    if (method === 'DELETE') pods.delete(name)
    return { code: 200, body: pod }
  }
  const server = await serve((request, response) => {
    void textOf(request).then((text) => {
      const url = new URL(request.url!, 'http://cluster')
      // A watch that reports nothing until the client ends it.
      if (url.searchParams.get('watch'))
        return void response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      const { code, body } = answer(request.method!, url, text)
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  return { ...server, pods, calls }
}

const optionsFor = ({ address }: Pick<Cluster, 'address'>, more: object = {}) => {
  const kubeconfig = join(folder, `${new URL(address).port}.json`)
  const named = (name: string, kind: string, value: object) => [{ name, [kind]: value }]
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: named('stand-in', 'cluster', { server: address }),
      users: named('ci', 'user', { token: 'none' }),
      contexts: named('lab', 'context', { cluster: 'stand-in', user: 'ci', namespace: 'bench' }),
      'current-context': 'lab',
    }),
  )
  return kubernetes.options.parse({ image: 'isobench:1', kubeconfig, ...more })
}

/** A sandbox that runs commands, and keeps those that remove things. */
function runningSandbox() {
  const { place } = fakeSandbox()
  const cleanups: HostArgv[] = []
  const sandbox = {
    ...place,
    run: async (argv: HostArgv) => void (await runHostCommand(argv)),
    onCleanup: async (_: string, argv: HostArgv) => void cleanups.push(argv),
  }
  return { sandbox, cleanups }
}

/** Argv without the program that enters the cgroup. */
const outside = (argv: readonly string[], program: string): string[] => argv.slice(argv.indexOf(program))

const missing = which('kubectl') === undefined ? 'kubectl is not installed' : ''

describeUnless(missing, 'program-missing', 'kubectl and a stand-in of a cluster', () => {
  it('make a Pod, find it ready, request the command, and remove the Pod', async () => {
    await using cluster = await startCluster()
    const options = optionsFor(cluster, { runtimeClass: 'gvisor' })
    const { sandbox, cleanups } = runningSandbox()
    const guest = await kubernetes.boot(sandbox, options)
    expect(guest.address).toBe('10.1.2.3')
    expect(guest.servedOutside).toBe('the cluster')
    const [created] = cluster.calls.filter(({ method }) => method === 'POST')
    expect(created!.body).toMatchObject(JSON.parse(JSON.stringify(podManifest(sandbox, options))))
    const exec = outside(guest.execArgv(['echo', '$(x) "y"']), 'kubectl')
    await expect(runHostCommand(exec)).rejects.toThrow('the stand-in has no node')
    const request = cluster.calls.find(({ url }) => url.pathname.endsWith('/exec'))!
    expect(request.url.searchParams.getAll('command')).toEqual(['echo', '$(x) "y"'])
    expect(request.url.searchParams.get('container')).toBe('guest')
    expect(request.url.searchParams.get('stdin')).toBe('true')
    expect(await guest.oomKillCount!()).toBe(0)
    expect([...cluster.pods.keys()]).toEqual([sandbox.id])
    for (const argv of cleanups) await runHostCommand(argv)
    expect([...cluster.pods.keys()]).toEqual([])
    // A second removal has nothing to do.
    for (const argv of cleanups) await runHostCommand(argv)
  }, 60_000)

  it('request Pod, readiness and command in one process, and its error names the cause', async () => {
    await using cluster = await startCluster()
    const { sandbox } = runningSandbox()
    const argv = outside(await kubernetes.oneShot(sandbox, ['true'], optionsFor(cluster)), 'sh')
    await expect(runHostCommand(argv)).rejects.toThrow('the stand-in has no node')
    const methods = cluster.calls.map(({ method, url }) => `${method} ${url.pathname.replace(/^.*\/pods/, 'pods')}`)
    expect(methods[0]).toBe('POST pods')
    expect(methods.at(-1)).toMatch(/^(GET|POST) pods\/isob-1a2b3c-7\/exec$/)
  }, 60_000)

  it('say why a Pod is not ready', async () => {
    const state = { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } }
    await using cluster = await startCluster({ status: { phase: 'Pending', containerStatuses: [{ state }] } })
    const { sandbox } = runningSandbox()
    await expect(kubernetes.boot(sandbox, optionsFor(cluster, { readySeconds: 1 }))).rejects.toMatchObject({
      code: 'ISOBENCH_HOST',
      message: 'pod/isob-1a2b3c-7: the Pod is not ready: ImagePullBackOff: Back-off pulling image',
    })
  }, 60_000)

  it('work if the user may do everything and the RuntimeClass exists, or say what is missing', async () => {
    await using cluster = await startCluster()
    const preflight = (options: ReturnType<typeof optionsFor>) => kubernetes.preflight!(options)
    expect(await preflight(optionsFor(cluster, { runtimeClass: 'gvisor' }))).toBeUndefined()
    expect(await kubernetes.versionDetails!(optionsFor(cluster))).toBe('server v1.33.0, isobench:1')
    expect(await preflight(optionsFor(cluster, { runtimeClass: 'kata' }))).toMatchObject({
      reason: 'the cluster has no RuntimeClass "kata"',
    })
    expect(await preflight(optionsFor(cluster, { context: 'other' }))).toMatchObject({
      reason: 'the kubeconfig has no context "other"',
    })
    await using strict = await startCluster({ isAllowed: (question) => !question.includes('exec') })
    expect(await preflight(optionsFor(strict))).toMatchObject({
      reason: 'the user of this kubeconfig may not create pods/exec in the namespace',
    })
    const gone = await startCluster()
    const options = optionsFor(gone)
    await gone[Symbol.asyncDispose]()
    expect(await preflight(options)).toMatchObject({
      reason: expect.stringMatching(/^kubectl reaches no API server at 127\.0\.0\.1:\d+$/),
    })
    expect(readFileSync(options.kubeconfig!, 'utf8')).toContain('stand-in')
  }, 60_000)
})
