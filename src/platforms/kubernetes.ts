import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type GuestHandle, type Unavailable } from '../driver.ts'
import { cgroupExecArgv } from '../host/cgroup.ts'
import { guestEnv } from '../host/environment.ts'
import { type GuestArgv, type HostArgv, idleCommand, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError, messageOf } from '../util/errors.ts'
import { sentryCalibrationMs } from './gvisor.ts'
import {
  explainKubectl,
  explainPod,
  type KubernetesFailure,
  oomKilledContainers,
  podAddress,
} from './shared/kubectl-output.ts'
import { securityOption } from './shared/security.ts'

const optionsSchema = z.strictObject({
  /** The image in a registry that the nodes reach, or that they have already. Best with its digest. */
  image: z.string().min(1),
  /** Name of a RuntimeClass. Default: that of the cluster. */
  runtimeClass: z.string().min(1).optional(),
  /** Context of the kubeconfig. Default: the current one. */
  context: z.string().min(1).optional(),
  /** Default: that of the context. */
  namespace: z.string().min(1).optional(),
  /** Absolute path. Default: `/root/.kube/config`. */
  kubeconfig: z.string().startsWith('/').optional(),
  /** Labels of the nodes that may run guests. */
  nodeSelector: z.record(z.string(), z.string()).optional(),
  /** Seconds until a Pod must be ready, with the pull of its image. */
  readySeconds: z.int().min(1).max(3600).default(120),
  /** Seconds after which the cluster ends a Pod, also if isobench is gone. */
  activeDeadlineSeconds: z.int().min(60).default(86_400),
  ...securityOption,
})
type Options = z.output<typeof optionsSchema>

/** The options of every kubectl. An empty one has kubectl's default. */
const connection = ({ kubeconfig = '', context = '', namespace = '' }: Options): readonly [string, string, string] => [
  `--kubeconfig=${kubeconfig}`,
  `--context=${context}`,
  `--namespace=${namespace}`,
]

const kubectl = (options: Options, ...args: readonly string[]): HostArgv => ['kubectl', ...connection(options), ...args]

/** The name of the container in a Pod. */
const container = 'guest'

/** The Pod of a guest, with the limits of the sandbox. */
export function podManifest({ id, limits }: Pick<GuestSandbox, 'id' | 'limits'>, options: Options): object {
  const resources = { cpu: String(limits.cpus.length), memory: String(limits.memoryBytes) }
  const volume = (name: string, emptyDir: object) => ({ name, emptyDir })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: id, labels: { 'app.kubernetes.io/managed-by': 'isobench', 'isobench/guest': id } },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: options.activeDeadlineSeconds,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostname: 'isobench',
      ...(options.runtimeClass !== undefined && { runtimeClassName: options.runtimeClass }),
      ...(options.nodeSelector && { nodeSelector: options.nodeSelector }),
      containers: [
        {
          name: container,
          image: options.image,
          imagePullPolicy: 'IfNotPresent',
          command: idleCommand,
          env: guestEnv.map((setting) => {
            const [name, ...value] = setting.split('=')
            return { name, value: value.join('=') }
          }),
          // Equal requests and limits: the guest is the last one to be evicted (QoS class Guaranteed).
          resources: { limits: resources, requests: resources },
          securityContext: {
            readOnlyRootFilesystem: true,
            seccompProfile: { type: options.security === 'none' ? 'Unconfined' : 'RuntimeDefault' },
          },
          volumeMounts: ['data', 'tmp', 'run'].map((name) => ({ name, mountPath: `/${name}` })),
        },
      ],
      volumes: [
        volume('data', limits.dataBytes === undefined ? {} : { sizeLimit: String(limits.dataBytes) }),
        volume('tmp', { medium: 'Memory' }),
        volume('run', { medium: 'Memory' }),
      ],
    },
  }
}

// isobench writes the manifest itself. Validating it would load the API's schema and be a part of the start-up time.
// The script is constant: options and argv are positional parameters, so the shell does not interpret them.
const startingPod = `kubeconfig=$1 context=$2 namespace=$3 manifest=$4 pod=$5 seconds=$6; shift 6
call() { kubectl "$kubeconfig" "$context" "$namespace" "$@"; }
call create --validate=false --filename="$manifest" >&2 || exit
call wait --for=condition=Ready --timeout="$seconds" "$pod" >&2 || {
  code=$?; call get "$pod" --output=jsonpath='{.status}' >&2; exit "$code"; }
exec kubectl "$kubeconfig" "$context" "$namespace" exec --stdin "$pod" --container=${container} -- "$@"`

/** Writes the manifest, and registers the removal of the Pod. */
async function prepare(sandbox: GuestSandbox, options: Options) {
  const manifest = join(sandbox.stateDir, 'pod.json')
  writeFileSync(manifest, `${JSON.stringify(podManifest(sandbox, options))}\n`)
  const pod = `pod/${sandbox.id}`
  // It waits until the Pod is gone, so that the next guest has the node for itself.
  await sandbox.onCleanup(
    `the Pod ${sandbox.id}`,
    kubectl(options, 'delete', pod, '--ignore-not-found', '--grace-period=1', '--timeout=60s'),
  )
  return { manifest, pod }
}

/** kubectl needs the network of the host, so it only enters the cgroup of the sandbox. */
const withinCgroup = (sandbox: GuestSandbox, argv: HostArgv): HostArgv => cgroupExecArgv(sandbox.group, argv)

async function boot(sandbox: GuestSandbox, options: Options): Promise<GuestHandle> {
  const { manifest, pod } = await prepare(sandbox, options)
  const state = () => runHostCommand(kubectl(options, 'get', pod, '--output=json'))
  try {
    await sandbox.run(kubectl(options, 'create', '--validate=false', `--filename=${manifest}`))
    await sandbox.run(kubectl(options, 'wait', '--for=condition=Ready', `--timeout=${options.readySeconds}s`, pod))
  } catch (error) {
    const found = explainKubectl(messageOf(error)) ?? explainPod(await state().catch(() => ''))
    throw found ? new HostError(`${pod}: ${found.reason}`, found.fix) : error
  }
  const address = podAddress(await state())
  return {
    ...(address !== undefined && { address }),
    servedOutside: 'the cluster',
    execArgv: (argv: GuestArgv) =>
      withinCgroup(sandbox, kubectl(options, 'exec', '--stdin', pod, `--container=${container}`, '--', ...argv)),
    oomKillCount: async () => oomKilledContainers(await state()),
  }
}

/** What a driver must be allowed to do in the namespace. */
const permissions = ['create pods', 'get pods', 'list pods', 'watch pods', 'delete pods', 'create pods/exec'] as const

/** @returns why kubectl failed; undefined if it did not */
async function failureOf(
  argv: HostArgv,
): Promise<(Unavailable & { readonly code?: KubernetesFailure['code'] }) | undefined> {
  try {
    await runHostCommand(argv, { timeout: 30 })
    return undefined
  } catch (error) {
    return explainKubectl(messageOf(error)) ?? { reason: messageOf(error), fix: `check it with: ${argv.join(' ')}` }
  }
}

async function preflight(options: Options): Promise<Unavailable | undefined> {
  const unreachable = await failureOf(kubectl(options, 'get', '--raw', '/version'))
  if (unreachable) return unreachable
  for (const permission of permissions) {
    const [verb, resource] = permission.split(' ') as [string, string]
    const answer = await runHostCommand(kubectl(options, 'auth', 'can-i', verb, resource), { exitCodes: [0, 1] })
    if (!/^yes\b/m.test(answer))
      return {
        reason: `the user of this kubeconfig may not ${verb} ${resource} in the namespace`,
        fix: `give it a Role with: ${permissions.join(', ')}`,
      }
  }
  if (options.runtimeClass === undefined) return undefined
  const absent = await failureOf(kubectl(options, 'get', 'runtimeclass', options.runtimeClass, '--output=name'))
  // Users of a namespace may often not read RuntimeClasses. Creating a Pod then shows whether it exists.
  return absent?.code === 'forbidden' ? undefined : absent
}

/** Names of RuntimeClasses are free. These are the usual ones. */
const isGvisor = (runtimeClass = ''): boolean => /gvisor|runsc/i.test(runtimeClass)

/** Pods of a Kubernetes cluster, through kubectl. */
export const kubernetes = defineDriver({
  kind: 'kubernetes',
  family: ({ runtimeClass = '' }) =>
    isGvisor(runtimeClass) || /kata/i.test(runtimeClass) ? 'secure-container' : 'container',
  description: 'a Pod of a Kubernetes cluster, through kubectl',
  experimental: 'it has not run on a cluster yet',
  options: optionsSchema,
  requirements: () => [{ binary: 'kubectl', package: 'kubernetes-client' }],
  version: () => ['kubectl', 'version', '--client'],
  versionDetails: async (options) => {
    const { gitVersion } = JSON.parse(await runHostCommand(kubectl(options, 'get', '--raw', '/version'))) as {
      gitVersion?: string
    }
    const runtime = options.runtimeClass === undefined ? [] : [`RuntimeClass ${options.runtimeClass}`]
    return [`server ${gitVersion ?? 'of unknown version'}`, ...runtime, options.image].join(', ')
  },
  preflight,
  oneShot: async (sandbox, argv, options) => {
    const { manifest, pod } = await prepare(sandbox, options)
    const words = [...connection(options), manifest, pod, `${options.readySeconds}s`]
    return withinCgroup(sandbox, ['sh', '-c', startingPod, 'sh', ...words, ...argv])
  },
  clockCalibrationMs: ({ runtimeClass }) => (isGvisor(runtimeClass) ? sentryCalibrationMs : 0),
  boot,
})
