import type { Unavailable } from '../../driver.ts'

/** What kubectl prints, and the JSON of a Pod: why something failed, and how to fix it. Pure. */

/** Why a Pod or kubectl failed. */
export interface KubernetesFailure extends Unavailable {
  readonly code:
    | 'unreachable'
    | 'unauthorized'
    | 'forbidden'
    | 'no-context'
    | 'no-namespace'
    | 'no-runtime-class'
    | 'quota'
    | 'pod-security'
    | 'not-ready'
    | 'evicted'
}

interface Rule {
  readonly code: KubernetesFailure['code']
  readonly pattern: RegExp
  reason(match: RegExpExecArray): string
  readonly fix: string
}

/** The first rule that matches is the cause: the message about a RuntimeClass says "forbidden" too. */
const rules: readonly Rule[] = [
  {
    code: 'no-context',
    pattern: /context "([^"]*)" does not exist|no context exists with the name: "([^"]*)"/,
    reason: ([, name, other]) => `the kubeconfig has no context "${name ?? other}"`,
    fix: 'kubectl config get-contexts shows the names. Set the options context and kubeconfig',
  },
  {
    code: 'no-runtime-class',
    pattern: /runtimeclass(?:es)?(?:\.node\.k8s\.io)? "([^"]+)" not found/i,
    reason: ([, name]) => `the cluster has no RuntimeClass "${name}"`,
    fix: 'install the runtime on the nodes and create its RuntimeClass, or set another runtimeClass',
  },
  {
    code: 'no-namespace',
    pattern: /namespaces "([^"]+)" not found/,
    reason: ([, name]) => `the cluster has no namespace "${name}"`,
    fix: 'create it with kubectl create namespace, or set another namespace',
  },
  {
    code: 'quota',
    pattern: /exceeded quota: ([^,]+)/,
    reason: ([, name]) => `the Pod exceeds the quota ${name}`,
    fix: 'lower guest.memory and guest.cpus of the config, or raise the quota of the namespace',
  },
  {
    code: 'pod-security',
    pattern: /violates PodSecurity "([^"]+)"/,
    reason: ([, level]) => `the namespace has the Pod security level ${level}, which refuses root in guests`,
    fix: 'use a namespace with the level baseline: label it pod-security.kubernetes.io/enforce=baseline',
  },
  {
    code: 'forbidden',
    pattern: /User "([^"]*)" cannot (\w+) resource "([^"]+)"/,
    reason: ([, user, verb, resource]) => `the user "${user}" may not ${verb} ${resource}`,
    fix: 'give it a Role with this verb in the namespace',
  },
  {
    code: 'unauthorized',
    pattern: /must be logged in to the server|\(Unauthorized\)/,
    reason: () => 'the API server does not accept the credentials of the kubeconfig',
    fix: 'renew the credentials of the context',
  },
  {
    code: 'unreachable',
    pattern:
      /connection to the server (\S+) was refused|connect to the server: ([^|]+)|no configuration has been provided/,
    reason: ([, server, why]) =>
      `kubectl reaches no API server${server ? ` at ${server}` : why ? `: ${why.trim()}` : ': it is not configured'}`,
    fix: 'start the cluster, or set the options kubeconfig and context',
  },
]

/** Why kubectl failed, by the message that it printed; undefined if the message is not known. */
export function explainKubectl(message: string): KubernetesFailure | undefined {
  for (const { code, pattern, reason, fix } of rules) {
    const match = pattern.exec(message)
    if (match) return { code, reason: reason(match), fix }
  }
  return undefined
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number }
}

/** The part of a Pod that isobench reads. Source: the API reference of Kubernetes, PodStatus v1 core. */
interface PodStatus {
  readonly phase?: string
  readonly reason?: string
  readonly message?: string
  readonly podIP?: string
  readonly conditions?: readonly {
    readonly type?: string
    readonly status?: string
    readonly reason?: string
    readonly message?: string
  }[]
  readonly containerStatuses?: readonly { readonly state?: ContainerState; readonly lastState?: ContainerState }[]
}

/** The status of a Pod in `kubectl get pod --output=json`; empty if the text is none. */
function statusOf(text: string): PodStatus {
  try {
    return (JSON.parse(text) as { status?: PodStatus } | null)?.status ?? {}
  } catch {
    return {}
  }
}

const fixes: Readonly<Record<string, string>> = {
  Unschedulable: 'free CPUs or memory on the nodes, lower guest.memory, or change nodeSelector',
  ErrImagePull: 'push the image to a registry that the nodes reach: docs/how-to/kubernetes.md',
  ImagePullBackOff: 'push the image to a registry that the nodes reach: docs/how-to/kubernetes.md',
  InvalidImageName: 'write the option image as registry/name:tag',
  CreateContainerError: 'kubectl describe pod shows the message of the runtime',
  RunContainerError: 'kubectl describe pod shows the message of the runtime',
  Evicted: 'free memory and disk on the node, or lower guest.memory and guest.data',
  DeadlineExceeded: 'raise activeDeadlineSeconds',
  OOMKilled: 'raise guest.memory',
}

/**
 * Why a Pod is not ready, by its state.
 * @param text output of `kubectl get pod NAME --output=json`
 * @returns undefined if the state has no reason
 */
export function explainPod(text: string): KubernetesFailure | undefined {
  const { phase, reason, message, conditions = [], containerStatuses = [] } = statusOf(text)
  const describe = (what: string, why: string | undefined): KubernetesFailure => ({
    code: what === 'Evicted' ? 'evicted' : 'not-ready',
    reason: `the Pod is not ready: ${[what, why].filter(Boolean).join(': ')}`,
    fix: fixes[what] ?? 'kubectl describe pod shows its events',
  })
  if (reason) return describe(reason, message)
  for (const { state } of containerStatuses) {
    const { waiting, terminated } = state ?? {}
    if (waiting?.reason && waiting.reason !== 'ContainerCreating') return describe(waiting.reason, waiting.message)
    if (terminated) return describe(terminated.reason ?? 'Error', terminated.message ?? `exit ${terminated.exitCode}`)
  }
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled) return describe(unscheduled.reason ?? 'Unschedulable', unscheduled.message)
  return phase === undefined || phase === 'Running' ? undefined : describe(phase, undefined)
}

/** The address of a Pod; undefined while it has none. */
export const podAddress = (text: string): string | undefined => statusOf(text).podIP

/** The number of containers of a Pod that the kernel ended because memory ran out. */
export const oomKilledContainers = (text: string): number =>
  (statusOf(text).containerStatuses ?? []).filter(({ state, lastState }) =>
    [state, lastState].some((one) => one?.terminated?.reason === 'OOMKilled'),
  ).length
