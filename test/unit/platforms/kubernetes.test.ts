import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { platformFamily } from '../../../src/driver.ts'
import { platform } from '../../../src/index.ts'
import { kubernetes, podManifest } from '../../../src/platforms/kubernetes.ts'
import {
  explainKubectl,
  explainPod,
  oomKilledContainers,
  podAddress,
} from '../../../src/platforms/shared/kubectl-output.ts'
import { fakeSandbox } from './fake-sandbox.ts'

const options = kubernetes.options.parse({
  image: 'registry.example/isobench@sha256:0',
  runtimeClass: 'gvisor',
  context: 'lab',
  namespace: 'bench',
  nodeSelector: { 'kubernetes.io/hostname': 'node7' },
})

describe('the Pod of a guest', () => {
  const { place } = fakeSandbox()
  const pod = podManifest({ ...place, limits: { ...place.limits, dataBytes: 1024 } }, options)

  it('has our name and labels, a deadline, the limits of the guest, and the RuntimeClass', () => {
    expect(pod).toMatchObject({
      metadata: {
        name: 'isob-1a2b3c-7',
        labels: { 'app.kubernetes.io/managed-by': 'isobench', 'isobench/guest': 'isob-1a2b3c-7' },
      },
      spec: {
        restartPolicy: 'Never',
        activeDeadlineSeconds: 86_400,
        runtimeClassName: 'gvisor',
        nodeSelector: { 'kubernetes.io/hostname': 'node7' },
        automountServiceAccountToken: false,
        containers: [
          {
            image: 'registry.example/isobench@sha256:0',
            command: ['/bin/sleep', 'infinity'],
            resources: {
              limits: { cpu: '2', memory: '536870912' },
              requests: { cpu: '2', memory: '536870912' },
            },
            securityContext: { readOnlyRootFilesystem: true, seccompProfile: { type: 'RuntimeDefault' } },
          },
        ],
      },
    })
    const { spec } = pod as { spec: { volumes: object[]; containers: { env: object[] }[] } }
    expect(spec.volumes[0]).toEqual({ name: 'data', emptyDir: { sizeLimit: '1024' } })
    expect(spec.containers[0]!.env).toContainEqual(expect.objectContaining({ name: 'PATH' }))
  })

  it('has neither class nor selector without these options, and no filter with security: none', () => {
    const plain = podManifest(place, kubernetes.options.parse({ image: 'a', security: 'none' }))
    expect(Object.keys((plain as { spec: object }).spec)).not.toContain('runtimeClassName')
    expect(JSON.stringify(plain)).toContain('"seccompProfile":{"type":"Unconfined"}')
  })
})

describe('a guest', () => {
  it('is made by one process that requests it, waits and runs the command, and no shell reads its words', async () => {
    const { place } = fakeSandbox()
    const cleanups: (readonly string[])[] = []
    const sandbox = { ...place, onCleanup: async (_: string, argv: readonly string[]) => void cleanups.push(argv) }
    const argv = await kubernetes.oneShot(sandbox, ['echo', '$(reboot); "x'], options)
    const at = argv.indexOf('sh')
    expect(argv.slice(0, at)).toEqual(['cgexec', '-g', expect.stringMatching(/isob-1a2b3c-7\/host$/)])
    const manifest = join(place.stateDir, 'pod.json')
    expect(argv.slice(at + 3)).toEqual([
      'sh',
      '--kubeconfig=',
      '--context=lab',
      '--namespace=bench',
      manifest,
      'pod/isob-1a2b3c-7',
      '120s',
      'echo',
      '$(reboot); "x',
    ])
    expect(argv[at + 2]).not.toContain('reboot')
    expect(JSON.parse(readFileSync(manifest, 'utf8'))).toEqual(JSON.parse(JSON.stringify(podManifest(place, options))))
    // In the journal before the Pod exists.
    expect(cleanups).toEqual([
      [
        'kubectl',
        '--kubeconfig=',
        '--context=lab',
        '--namespace=bench',
        'delete',
        'pod/isob-1a2b3c-7',
        '--ignore-not-found',
        '--grace-period=1',
        '--timeout=60s',
      ],
    ])
  })

  it('has its kubectl in the cgroup of its sandbox, also in a group of guests', async () => {
    const { place } = fakeSandbox()
    const sandbox = { ...place, group: 'isob-1a2b3c-0/isob-1a2b3c-7', onCleanup: async () => {} }
    const argv = await kubernetes.oneShot(sandbox, ['true'], options)
    expect(argv[2]).toMatch(/:isobench\/isob-1a2b3c-0\/isob-1a2b3c-7\/host$/)
  })

  it('has a clock to wait for only if its RuntimeClass is of gVisor', () => {
    const milliseconds = (runtimeClass?: string) =>
      kubernetes.clockCalibrationMs!(kubernetes.options.parse({ image: 'a', runtimeClass }))
    expect([milliseconds(), milliseconds('gvisor'), milliseconds('kata-qemu')]).toEqual([0, 1000, 0])
  })

  it('has the family of its RuntimeClass', () => {
    const family = (runtimeClass?: string) =>
      platformFamily(kubernetes as never, kubernetes.options.parse({ image: 'a', runtimeClass }))
    expect([family(), family('gvisor'), family('kata-qemu')]).toEqual([
      'container',
      'secure-container',
      'secure-container',
    ])
  })

  it('is typed, needs an image, and is marked as experimental', () => {
    expect(platform('kubernetes', { image: 'a', runtimeClass: 'gvisor' }).options).toEqual({
      image: 'a',
      runtimeClass: 'gvisor',
    })
    expect(() => kubernetes.options.parse({})).toThrow()
    expect(() => kubernetes.options.parse({ image: 'a', kubeconfig: 'relative' })).toThrow()
    expect(kubernetes.experimental).toBe('it has not run on a cluster yet')
  })
})

describe('what kubectl prints', () => {
  // As printed by kubectl and by the API server, 1.20 to 1.33.
  it.each([
    [
      'The connection to the server localhost:8080 was refused - did you specify the right host or port?',
      'unreachable',
      'kubectl reaches no API server at localhost:8080',
    ],
    [
      'Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout | more',
      'unreachable',
      'kubectl reaches no API server: dial tcp 10.0.0.1:6443: i/o timeout',
    ],
    ['error: context "lab" does not exist', 'no-context', 'the kubeconfig has no context "lab"'],
    ['error: no context exists with the name: "lab"', 'no-context', 'the kubeconfig has no context "lab"'],
    [
      'error: You must be logged in to the server (Unauthorized)',
      'unauthorized',
      'the API server does not accept the credentials of the kubeconfig',
    ],
    [
      'Error from server (Forbidden): error when creating "pod.json": pods is forbidden: User "ci" cannot create ' +
        'resource "pods" in API group "" in the namespace "bench"',
      'forbidden',
      'the user "ci" may not create pods',
    ],
    [
      'Error from server (Forbidden): error when creating "pod.json": pods "isob-1" is forbidden: pod rejected: ' +
        'RuntimeClass "gvisor" not found',
      'no-runtime-class',
      'the cluster has no RuntimeClass "gvisor"',
    ],
    [
      'Error from server (NotFound): runtimeclasses.node.k8s.io "gvisor" not found',
      'no-runtime-class',
      'the cluster has no RuntimeClass "gvisor"',
    ],
    [
      'Error from server (NotFound): error when creating "pod.json": namespaces "bench" not found',
      'no-namespace',
      'the cluster has no namespace "bench"',
    ],
    [
      'Error from server (Forbidden): error when creating "pod.json": pods "isob-1" is forbidden: exceeded quota: ' +
        'compute, requested: limits.memory=1Gi, used: limits.memory=0, limited: limits.memory=512Mi',
      'quota',
      'the Pod exceeds the quota compute',
    ],
    [
      'Error from server (Forbidden): error when creating "pod.json": pods "isob-1" is forbidden: violates ' +
        'PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
      'pod-security',
      'the namespace has the Pod security level restricted:latest, which refuses root in guests',
    ],
  ])('%s', (message, code, reason) => {
    const failure = explainKubectl(`kubectl create failed (exit 1): ${message}`)
    expect(failure).toMatchObject({ code, reason })
    expect(failure!.fix.length).toBeGreaterThan(20)
  })

  it('is not explained if the message is not known', () => {
    expect(explainKubectl('error: timed out waiting for the condition on pods/isob-1')).toBeUndefined()
  })
})

describe('the state of a Pod', () => {
  const pod = (status: object) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', status })
  const waiting = (reason: string, message?: string) =>
    pod({ phase: 'Pending', containerStatuses: [{ name: 'guest', state: { waiting: { reason, message } } }] })

  it.each([
    [waiting('ImagePullBackOff', 'Back-off pulling image "a"'), 'ImagePullBackOff: Back-off pulling image "a"'],
    [waiting('CreateContainerError', 'no runtime'), 'CreateContainerError: no runtime'],
    [waiting('ContainerCreating'), 'Pending'],
    [
      pod({
        phase: 'Pending',
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes: Insufficient cpu.' },
        ],
      }),
      'Unschedulable: 0/1 nodes: Insufficient cpu.',
    ],
    [pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }), 'Evicted: The node was'],
    [pod({ phase: 'Failed', reason: 'DeadlineExceeded' }), 'DeadlineExceeded'],
    [
      pod({ phase: 'Failed', containerStatuses: [{ state: { terminated: { reason: 'OOMKilled', exitCode: 137 } } }] }),
      'OOMKilled: exit 137',
    ],
  ])('%s says why it is not ready', (text, reason) => {
    expect(explainPod(text)!.reason).toContain(`the Pod is not ready: ${reason}`)
  })

  it('has no reason if it runs, or is no Pod', () => {
    expect(explainPod(pod({ phase: 'Running', podIP: '10.0.0.7' }))).toBeUndefined()
    expect(explainPod('')).toBeUndefined()
    expect([podAddress(pod({ podIP: '10.0.0.7' })), podAddress('null')]).toEqual(['10.0.0.7', undefined])
  })

  it('counts what the kernel ended, now or before a restart', () => {
    const terminated = { terminated: { reason: 'OOMKilled' } }
    expect(oomKilledContainers(pod({ containerStatuses: [{ state: terminated }, { lastState: terminated }] }))).toBe(2)
    expect(oomKilledContainers(pod({ containerStatuses: [{ state: { running: {} } }] }))).toBe(0)
  })
})
